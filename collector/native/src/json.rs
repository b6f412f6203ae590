//! How many items a JSON list has, where it is written as every parser reads it.

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

struct Json<'a> {
    rest: &'a [u8],
}

impl Json<'_> {
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

    fn object(&mut self, depth: u32) -> Option<()> {
        self.take(b"{")?;
        self.skip_space();
        if self.take(b"}").is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            self.string()?;
            self.skip_space();
            self.take(b":")?;
            self.value(depth + 1)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A value with the space around it.
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_space();
        match *self.rest.first()? {
            b'[' => self.list(depth).map(drop)?,
            b'{' => self.object(depth)?,
            b'"' => self.string()?,
            b't' => self.take(b"true")?,
            b'f' => self.take(b"false")?,
            b'n' => self.take(b"null")?,
            _ => self.number()?,
        }
        self.skip_space();
        Some(())
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
