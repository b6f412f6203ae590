//! Protobuf on the wire: reads what the rules need and checks the rest, or declines the whole request.
//!
//! Accepted is only what every parser of protobuf reads alike. Anything else is `None`: malformed bytes, doubled
//! singular fields, a known field of another wire type, groups, padded tags, text that is not UTF-8, deep nesting.

const DEEPEST: u32 = 40;

/// Types of fields, by the numbers that descriptors give them.
const DOUBLE: u32 = 1;
const INT64: u32 = 3;
const INT32: u32 = 5;
const FIXED64: u32 = 6;
const FIXED32: u32 = 7;
const BOOL: u32 = 8;
const STRING: u32 = 9;
const MESSAGE: u32 = 11;
const BYTES: u32 = 12;
const UINT32: u32 = 13;
const ENUM: u32 = 14;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Message {
    Request,
    ResourceSpans,
    Resource,
    EntityRef,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    Status,
    LogRecord,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
}

use Message as M;

/// The fields of each message: number, type, whether it is repeated, and the message in it.
type Field = (u32, u32, bool, Option<Message>);

const MESSAGES: &[(&str, Message)] = &[
    (
        "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
        M::Request,
    ),
    (
        "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
        M::Request,
    ),
    ("opentelemetry.proto.trace.v1.ResourceSpans", M::ResourceSpans),
    // The same fields as of traces.
    ("opentelemetry.proto.logs.v1.ResourceLogs", M::ResourceSpans),
    ("opentelemetry.proto.logs.v1.ScopeLogs", M::ScopeSpans),
    ("opentelemetry.proto.logs.v1.LogRecord", M::LogRecord),
    ("opentelemetry.proto.resource.v1.Resource", M::Resource),
    ("opentelemetry.proto.common.v1.EntityRef", M::EntityRef),
    ("opentelemetry.proto.trace.v1.ScopeSpans", M::ScopeSpans),
    ("opentelemetry.proto.common.v1.InstrumentationScope", M::Scope),
    ("opentelemetry.proto.trace.v1.Span", M::Span),
    ("opentelemetry.proto.trace.v1.Span.Event", M::Event),
    ("opentelemetry.proto.trace.v1.Span.Link", M::Link),
    ("opentelemetry.proto.trace.v1.Status", M::Status),
    ("opentelemetry.proto.common.v1.KeyValue", M::KeyValue),
    ("opentelemetry.proto.common.v1.AnyValue", M::AnyValue),
    ("opentelemetry.proto.common.v1.ArrayValue", M::ArrayValue),
    ("opentelemetry.proto.common.v1.KeyValueList", M::KeyValueList),
];

fn fields(message: Message) -> &'static [Field] {
    match message {
        M::Request => &[(1, MESSAGE, true, Some(M::ResourceSpans))],
        M::ResourceSpans => &[
            (1, MESSAGE, false, Some(M::Resource)),
            (2, MESSAGE, true, Some(M::ScopeSpans)),
            (3, STRING, false, None),
        ],
        M::Resource => &[
            (1, MESSAGE, true, Some(M::KeyValue)),
            (2, UINT32, false, None),
            (3, MESSAGE, true, Some(M::EntityRef)),
        ],
        M::EntityRef => &[
            (1, STRING, false, None),
            (2, STRING, false, None),
            (3, STRING, true, None),
            (4, STRING, true, None),
        ],
        M::ScopeSpans => &[
            (1, MESSAGE, false, Some(M::Scope)),
            (2, MESSAGE, true, Some(M::Span)),
            (3, STRING, false, None),
        ],
        M::Scope => &[
            (1, STRING, false, None),
            (2, STRING, false, None),
            (3, MESSAGE, true, Some(M::KeyValue)),
            (4, UINT32, false, None),
        ],
        M::Span => &[
            (1, BYTES, false, None),
            (2, BYTES, false, None),
            (3, STRING, false, None),
            (4, BYTES, false, None),
            (5, STRING, false, None),
            (6, ENUM, false, None),
            (7, FIXED64, false, None),
            (8, FIXED64, false, None),
            (9, MESSAGE, true, Some(M::KeyValue)),
            (10, UINT32, false, None),
            (11, MESSAGE, true, Some(M::Event)),
            (12, UINT32, false, None),
            (13, MESSAGE, true, Some(M::Link)),
            (14, UINT32, false, None),
            (15, MESSAGE, false, Some(M::Status)),
            (16, FIXED32, false, None),
        ],
        M::Event => &[
            (1, FIXED64, false, None),
            (2, STRING, false, None),
            (3, MESSAGE, true, Some(M::KeyValue)),
            (4, UINT32, false, None),
        ],
        M::Link => &[
            (1, BYTES, false, None),
            (2, BYTES, false, None),
            (3, STRING, false, None),
            (4, MESSAGE, true, Some(M::KeyValue)),
            (5, UINT32, false, None),
            (6, FIXED32, false, None),
        ],
        M::LogRecord => &[
            (1, FIXED64, false, None),
            (2, ENUM, false, None),
            (3, STRING, false, None),
            (5, MESSAGE, false, Some(M::AnyValue)),
            (6, MESSAGE, true, Some(M::KeyValue)),
            (7, UINT32, false, None),
            (8, FIXED32, false, None),
            (9, BYTES, false, None),
            (10, BYTES, false, None),
            (11, FIXED64, false, None),
            (12, STRING, false, None),
        ],
        M::Status => &[(2, STRING, false, None), (3, ENUM, false, None)],
        M::KeyValue => &[
            (1, STRING, false, None),
            (2, MESSAGE, false, Some(M::AnyValue)),
            (3, INT32, false, None),
        ],
        M::AnyValue => &[
            (1, STRING, false, None),
            (2, BOOL, false, None),
            (3, INT64, false, None),
            (4, DOUBLE, false, None),
            (5, MESSAGE, false, Some(M::ArrayValue)),
            (6, MESSAGE, false, Some(M::KeyValueList)),
            (7, BYTES, false, None),
            (8, INT32, false, None),
        ],
        M::ArrayValue => &[(1, MESSAGE, true, Some(M::AnyValue))],
        M::KeyValueList => &[(1, MESSAGE, true, Some(M::KeyValue))],
    }
}

/// Whether a field of the descriptors is one that is read here as they say.
pub fn is_known(message: &str, number: u32, kind: u32, repeated: bool) -> bool {
    MESSAGES
        .iter()
        .find(|(name, _)| *name == message)
        .is_some_and(|(_, known)| {
            fields(*known)
                .iter()
                .any(|each| (each.0, each.1, each.2) == (number, kind, repeated))
        })
}

/// One field as it stands on the wire.
#[derive(Clone, Copy)]
pub enum Raw<'a> {
    Varint(u64),
    Eight(u64),
    Four,
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Raw::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub fn varint(self) -> Option<u64> {
        match self {
            Raw::Varint(number) => Some(number),
            _ => None,
        }
    }

    pub fn eight(self) -> Option<u64> {
        match self {
            Raw::Eight(number) => Some(number),
            _ => None,
        }
    }

    fn has_type(self, kind: u32) -> bool {
        match self {
            Raw::Varint(_) => matches!(kind, INT64 | INT32 | BOOL | UINT32 | ENUM),
            Raw::Eight(_) => matches!(kind, DOUBLE | FIXED64),
            Raw::Four => kind == FIXED32,
            Raw::Bytes(_) => matches!(kind, STRING | MESSAGE | BYTES),
        }
    }
}

/// Walks the fields of one message; `None` from `next` declines.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field's number and value.
    pub fn next(&mut self) -> Option<(u32, Raw<'a>)> {
        let tag = self.short_varint()?;
        let number = u32::try_from(tag >> 3).ok()?;
        if number == 0 || number >= 1 << 29 {
            return None;
        }
        let value = match tag & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Eight(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.short_varint()?).ok()?;
                Raw::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Raw::Four
            }
            _ => return None,
        };
        Some((number, value))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A tag or a length: at most five bytes, not padded.
    fn short_varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.rest.split_first()?;
        if first < 0x80 {
            self.rest = rest;
            return Some(u64::from(first));
        }
        let before = self.rest.len();
        let number = self.varint()?;
        let width = before - self.rest.len();
        (width <= 5 && number >> (7 * (width - 1)) != 0 && number <= u64::from(u32::MAX)).then_some(number)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for (place, &byte) in self.rest.iter().take(10).enumerate() {
            if place == 9 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.rest = &self.rest[place + 1..];
                return Some(number);
            }
        }
        None
    }
}

/// Which singular fields were seen: a field that comes twice declines.
#[derive(Default)]
pub struct Once(u32);

impl Once {
    pub fn see(&mut self, number: u32) -> Option<()> {
        let bit = 1u32 << (number & 31);
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new.then_some(())
    }
}

/// Checks a message of which nothing is read.
pub fn check(message: Message, bytes: &[u8], depth: u32) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    let known = fields(message);
    let (mut walk, mut once) = (Fields::of(bytes), Once::default());
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        // Texts by reference, which requests do not have.
        if matches!((message, number), (M::AnyValue, 8) | (M::KeyValue, 3)) {
            return None;
        }
        let Some(&(_, kind, repeated, inner)) = known.iter().find(|each| each.0 == number) else {
            continue;
        };
        if !value.has_type(kind) {
            return None;
        }
        if !repeated {
            once.see(if message == M::AnyValue { 0 } else { number })?;
        }
        match (kind, inner) {
            (STRING, _) => drop(value.text()?),
            (_, Some(inner)) => check(inner, value.bytes()?, depth + 1)?,
            _ => {}
        }
    }
    Some(())
}

/// Checks one field that is known and not read.
pub fn check_field(message: Message, number: u32, value: Raw<'_>, once: &mut Once, depth: u32) -> Option<()> {
    let Some(&(_, kind, repeated, inner)) = fields(message).iter().find(|each| each.0 == number) else {
        return Some(());
    };
    if !value.has_type(kind) {
        return None;
    }
    if !repeated {
        once.see(number)?;
    }
    match (kind, inner) {
        (STRING, _) => value.text().map(drop),
        (_, Some(inner)) => check(inner, value.bytes()?, depth + 1),
        _ => Some(()),
    }
}
