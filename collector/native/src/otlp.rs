//! Spans, events and attributes as they arrived, borrowed from the request.

use crate::wire::{check, check_field, Fields, Message, Once};

/// A value as the rules see it; `Other` is what no rule can read.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Nothing,
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    /// The text, empty for everything else.
    pub fn text(self) -> &'a str {
        match self {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// The items of a list, checked before.
    pub fn items(self) -> Items<'a> {
        Items(Fields::of(match self {
            Value::List(bytes) => bytes,
            _ => &[],
        }))
    }
}

pub struct Items<'a>(Fields<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        while !self.0.is_done() {
            let (number, value) = self.0.next()?;
            if number == 1 {
                return any_value(value.bytes()?, 0);
            }
        }
        None
    }
}

#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    pub key: &'a str,
    pub value: Value<'a>,
}

#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub name: &'a str,
    pub time: u64,
    pub first: usize,
    pub end: usize,
}

/// A span and the attributes of it and its events; made once and filled again for each span.
#[derive(Default)]
pub struct Span<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_id: &'a [u8],
    pub name: &'a str,
    pub start: u64,
    pub end: u64,
    pub status: i32,
    /// None where it is no number of 32 bits without a sign.
    pub kind: Option<i32>,
    pub events: Vec<Event<'a>>,
    all: Vec<Attribute<'a>>,
    /// How many of all attributes are the span's own.
    own: usize,
    event_bytes: Vec<&'a [u8]>,
}

impl<'a> Span<'a> {
    pub fn attributes(&self) -> &[Attribute<'a>] {
        &self.all[..self.own]
    }

    pub fn attributes_of(&self, event: &Event<'a>) -> &[Attribute<'a>] {
        &self.all[event.first..event.end]
    }

    /// Reads one span; `None` declines.
    pub fn read(&mut self, bytes: &'a [u8]) -> Option<()> {
        self.clear();
        let (mut walk, mut once) = (Fields::of(bytes), Once::default());
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            match number {
                1 | 2 | 4 | 5 | 6 | 7 | 8 | 15 => once.see(number)?,
                _ => {}
            }
            match number {
                1 => self.trace_id = value.bytes()?,
                2 => self.span_id = value.bytes()?,
                4 => self.parent_id = value.bytes()?,
                5 => self.name = value.text()?,
                6 => self.kind = i32::try_from(value.varint()?).ok(),
                7 => self.start = value.eight()?,
                8 => self.end = value.eight()?,
                9 => self.all.push(attribute(value.bytes()?, 5)?),
                11 => self.event_bytes.push(value.bytes()?),
                15 => self.status = status(value.bytes()?)?,
                _ => check_field(Message::Span, number, value, &mut once, 4)?,
            }
        }
        self.own = self.all.len();
        for place in 0..self.event_bytes.len() {
            self.read_event(self.event_bytes[place])?;
        }
        Some(())
    }

    fn clear(&mut self) {
        (self.trace_id, self.span_id, self.parent_id) = (&[], &[], &[]);
        (self.name, self.start, self.end, self.status) = ("", 0, 0, 0);
        self.kind = Some(0);
        self.events.clear();
        self.all.clear();
        self.event_bytes.clear();
    }

    fn read_event(&mut self, bytes: &'a [u8]) -> Option<()> {
        let (mut walk, mut once) = (Fields::of(bytes), Once::default());
        let first = self.all.len();
        let mut event = Event {
            name: "",
            time: 0,
            first,
            end: first,
        };
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            match number {
                1 => {
                    once.see(1)?;
                    event.time = value.eight()?;
                }
                2 => {
                    once.see(2)?;
                    event.name = value.text()?;
                }
                3 => self.all.push(attribute(value.bytes()?, 6)?),
                _ => check_field(Message::Event, number, value, &mut once, 5)?,
            }
        }
        event.end = self.all.len();
        self.events.push(event);
        Some(())
    }
}

/// A log record without its body; made once and filled again for each record.
#[derive(Default)]
pub struct LogRecord<'a> {
    pub trace_id: &'a [u8],
    pub event_name: &'a str,
    pub attributes: Vec<Attribute<'a>>,
    recorded: u64,
    observed: u64,
}

impl<'a> LogRecord<'a> {
    /// Reads one record; `None` declines.
    pub fn read(&mut self, bytes: &'a [u8]) -> Option<()> {
        (self.trace_id, self.event_name, self.recorded, self.observed) = (&[], "", 0, 0);
        self.attributes.clear();
        let (mut walk, mut once) = (Fields::of(bytes), Once::default());
        while !walk.is_done() {
            let (number, value) = walk.next()?;
            if matches!(number, 1 | 9 | 11 | 12) {
                once.see(number)?;
            }
            match number {
                1 => self.recorded = value.eight()?,
                6 => self.attributes.push(attribute(value.bytes()?, 5)?),
                9 => self.trace_id = value.bytes()?,
                11 => self.observed = value.eight()?,
                12 => self.event_name = value.text()?,
                _ => check_field(Message::LogRecord, number, value, &mut once, 4)?,
            }
        }
        Some(())
    }

    /// When it was recorded, else when it was observed; nanoseconds.
    pub fn time(&self) -> u64 {
        if self.recorded == 0 {
            self.observed
        } else {
            self.recorded
        }
    }

    /// The value of a key; of several the last.
    pub fn last(&self, key: &str) -> Value<'a> {
        let found = self.attributes.iter().rev().find(|each| each.key == key);
        found.map_or(Value::Nothing, |each| each.value)
    }

    /// The value of a key; of several the first.
    pub fn first(&self, key: &str) -> Value<'a> {
        let found = self.attributes.iter().find(|each| each.key == key);
        found.map_or(Value::Nothing, |each| each.value)
    }
}

fn status(bytes: &[u8]) -> Option<i32> {
    let (mut walk, mut once, mut code) = (Fields::of(bytes), Once::default(), 0);
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        check_field(Message::Status, number, value, &mut once, 5)?;
        if number == 3 {
            code = i32::try_from(value.varint()?).ok()?;
        }
    }
    Some(code)
}

/// One attribute; `None` declines.
pub fn attribute(bytes: &[u8], depth: u32) -> Option<Attribute<'_>> {
    let (mut walk, mut once) = (Fields::of(bytes), Once::default());
    let mut found = Attribute {
        key: "",
        value: Value::Nothing,
    };
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        match number {
            1 => {
                once.see(1)?;
                found.key = value.text()?;
            }
            2 => {
                once.see(2)?;
                found.value = any_value(value.bytes()?, depth + 1)?;
            }
            // A key by reference, which requests do not have.
            3 => return None,
            _ => {}
        }
    }
    Some(found)
}

fn any_value(bytes: &[u8], depth: u32) -> Option<Value<'_>> {
    let mut walk = Fields::of(bytes);
    let mut found = None;
    while !walk.is_done() {
        let (number, value) = walk.next()?;
        let read = match number {
            1 => Value::Text(value.text()?),
            2 => Value::Bool(value.varint()? != 0),
            #[allow(clippy::cast_possible_wrap)]
            3 => Value::Int(value.varint()? as i64),
            4 => Value::Double(f64::from_bits(value.eight()?)),
            5 => {
                check(Message::ArrayValue, value.bytes()?, depth + 1)?;
                Value::List(value.bytes()?)
            }
            6 => {
                check(Message::KeyValueList, value.bytes()?, depth + 1)?;
                Value::Other
            }
            7 => {
                value.bytes()?;
                Value::Other
            }
            // A text by reference, which requests do not have.
            8 => return None,
            _ => continue,
        };
        if found.replace(read).is_some() {
            return None;
        }
    }
    Some(found.unwrap_or(Value::Nothing))
}
