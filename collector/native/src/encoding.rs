//! OTLP's protobuf as it is written: fields of enforced values.

/// The tag of the field `attributes` of resources, spans and events.
pub const IN_RESOURCE: u8 = 0x0a;
pub const IN_SPAN: u8 = 0x4a;
pub const IN_EVENT: u8 = 0x1a;

const KEY: u8 = 0x0a;
const VALUE: u8 = 0x12;
const UUID_LENGTH: usize = 36;

/// The value of an attribute.
#[derive(Clone, Copy)]
pub enum Any<'t> {
    Text(&'t str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Texts(&'t [&'t str]),
    /// A list of so many empty texts.
    Blanks(usize),
}

impl Any<'_> {
    fn width(&self) -> usize {
        match self {
            Any::Text(text) => field_width(text.len()),
            Any::Bool(_) => 2,
            Any::Int(number) => 1 + varint_width(*number as u64),
            Any::Double(_) => 9,
            Any::Texts(texts) => field_width(texts.iter().map(|text| item_width(text)).sum()),
            Any::Blanks(count) => field_width(count * item_width("")),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Any::Text(text) => field(out, 0x0a, text.as_bytes()),
            Any::Bool(flag) => out.extend_from_slice(&[0x10, u8::from(*flag)]),
            Any::Int(number) => {
                out.push(0x18);
                varint(out, *number as u64);
            }
            Any::Double(number) => {
                out.push(0x21);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Any::Texts(texts) => {
                length(out, 0x2a, texts.iter().map(|text| item_width(text)).sum());
                texts.iter().for_each(|text| item(out, text));
            }
            Any::Blanks(count) => {
                length(out, 0x2a, count * item_width(""));
                (0..*count).for_each(|_| item(out, ""));
            }
        }
    }
}

fn item_width(text: &str) -> usize {
    field_width(field_width(text.len()))
}

fn item(out: &mut Vec<u8>, text: &str) {
    length(out, 0x0a, field_width(text.len()));
    field(out, 0x0a, text.as_bytes());
}

pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint_width(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// The bytes of a field with its tag and its length.
fn field_width(length: usize) -> usize {
    1 + varint_width(length as u64) + length
}

fn length(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    varint(out, length as u64);
}

/// A field of bytes, a text or a message.
pub fn field(out: &mut Vec<u8>, tag: u8, data: &[u8]) {
    length(out, tag, data.len());
    out.extend_from_slice(data);
}

/// An attribute, in the field of this tag.
pub fn attribute(out: &mut Vec<u8>, tag: u8, key: &str, value: Any<'_>) {
    let width = value.width();
    length(out, tag, field_width(key.len()) + field_width(width));
    field(out, KEY, key.as_bytes());
    length(out, VALUE, width);
    value.write(out);
}

/// An attribute that is a count.
pub fn count(out: &mut Vec<u8>, tag: u8, key: &str, number: u64) {
    attribute(out, tag, key, Any::Int(number as i64));
}

/// An attribute that is the canonical form of a UUID.
pub fn uuid(out: &mut Vec<u8>, tag: u8, key: &str, id: &[u8; 16]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut made = [b'-'; UUID_LENGTH];
    let mut place = 0;
    for (number, byte) in id.iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            place += 1;
        }
        made[place] = DIGITS[usize::from(byte >> 4)];
        made[place + 1] = DIGITS[usize::from(byte & 15)];
        place += 2;
    }
    attribute(
        out,
        tag,
        key,
        Any::Text(std::str::from_utf8(&made).unwrap_or_default()),
    );
}

/// Whether a text is nothing but 32 digits of a UUID and four dashes.
pub fn is_uuid(said: &str) -> bool {
    let digits = said.bytes().filter(|byte| *byte != b'-');
    said.len() == UUID_LENGTH
        && digits.clone().count() == 32
        && digits
            .into_iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
