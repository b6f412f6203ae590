//! How many items a JSON list has, and the texts of an object, where they are written as every parser reads them.

const DEEPEST: u32 = 32;
/// Python refuses numbers of thousands of digits.
const LONGEST_NUMBER: usize = 100;

/// The items of a JSON list; None where the text is anything else, or written in a way that parsers differ on.
pub fn list_length(text: &str) -> Option<u64> {
    let mut json = Json {
        rest: text.as_bytes(),
    };
    json.skip_space();
    let count = json.list(0)?;
    json.skip_space();
    json.rest.is_empty().then_some(count)
}

/// The texts of these keys of a JSON object, of several of one key the last; a key's value may be no text.
///
/// None where the whole is no object, or written in a way that is not read here: with an escape in a key or in a
/// text that is asked for.
pub fn texts_of<'a>(text: &'a str, keys: &[String]) -> Option<Vec<Option<&'a str>>> {
    let mut json = Json {
        rest: text.as_bytes(),
    };
    let mut found = vec![None; keys.len()];
    json.skip_space();
    json.object(0, &mut |key, value| {
        let key = std::str::from_utf8(key).ok().filter(|key| !key.contains('\\'))?;
        let Some(place) = keys.iter().position(|each| each == key) else {
            return Some(());
        };
        found[place] = match value.strip_prefix(b"\"") {
            Some(_) if value.contains(&b'\\') => return None,
            Some(rest) => Some(std::str::from_utf8(rest.strip_suffix(b"\"")?).ok()?),
            None => None,
        };
        Some(())
    })?;
    json.skip_space();
    json.rest.is_empty().then_some(found)
}

/// What is done with a key, without its quotes, and its value; None ends the reading.
type Member<'a, 'f> = &'f mut dyn FnMut(&'a [u8], &'a [u8]) -> Option<()>;

struct Json<'a> {
    rest: &'a [u8],
}

impl<'a> Json<'a> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn take(&mut self, wanted: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn list(&mut self, depth: u32) -> Option<u64> {
        self.take(b"[")?;
        self.skip_space();
        if self.take(b"]").is_some() {
            return Some(0);
        }
        let mut count = 0;
        loop {
            self.value(depth + 1)?;
            count += 1;
            match self.next()? {
                b',' => {}
                b']' => return Some(count),
                _ => return None,
            }
        }
    }

    fn object(&mut self, depth: u32, member: Member<'a, '_>) -> Option<()> {
        self.take(b"{")?;
        self.skip_space();
        if self.take(b"}").is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            let key = self.taken(Self::string)?;
            self.skip_space();
            self.take(b":")?;
            self.skip_space();
            let value = self.taken(|json| json.bare_value(depth + 1))?;
            self.skip_space();
            member(&key[1..key.len() - 1], value)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// What a reader reads, as it is written.
    fn taken(&mut self, read: impl Fn(&mut Self) -> Option<()>) -> Option<&'a [u8]> {
        let before = self.rest;
        read(self)?;
        Some(&before[..before.len() - self.rest.len()])
    }

    /// A value with the space around it.
    fn value(&mut self, depth: u32) -> Option<()> {
        self.skip_space();
        self.bare_value(depth)?;
        self.skip_space();
        Some(())
    }

    fn bare_value(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match *self.rest.first()? {
            b'[' => self.list(depth).map(drop),
            b'{' => self.object(depth, &mut |_, _| Some(())),
            b'"' => self.string(),
            b't' => self.take(b"true"),
            b'f' => self.take(b"false"),
            b'n' => self.take(b"null"),
            _ => self.number(),
        }
    }

    fn string(&mut self) -> Option<()> {
        self.take(b"\"")?;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            self.next().filter(u8::is_ascii_hexdigit)?;
                        }
                    }
                    _ => return None,
                },
                byte if byte < 0x20 => return None,
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > LONGEST_NUMBER {
            return None;
        }
        self.rest = &self.rest[count..];
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b"-");
        if self.take(b"0").is_none() {
            self.digits()?;
        }
        if self.take(b".").is_some() {
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = rest;
            if self.take(b"+").is_none() {
                let _ = self.take(b"-");
            }
            self.digits()?;
        }
        Some(())
    }
}
