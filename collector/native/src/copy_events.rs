//! Typed events of the copy: what their rows hold, under the ids that they stated.

use crate::batch::Batch;
use crate::copy::metadata;
use crate::encoding::{attribute, field, is_uuid, Any, IN_EVENT};
use crate::events::{Kept, Told};
use crate::facts::Stated;
use crate::otlp::{Event, Value};

const NAME: u8 = 0x12;

/// An attribute that is a text; it may be empty.
pub fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    attribute(out, IN_EVENT, key, Any::Text(value));
}

pub fn fraction_of(out: &mut Vec<u8>, key: &str, number: Option<f64>) {
    if let Some(number) = number {
        attribute(out, IN_EVENT, key, Any::Double(number));
    }
}

impl<'a> Batch<'a> {
    /// A typed event of the next span, with a time of its own only where it was sent with one; `write` says what it holds.
    pub fn copy_event(
        &mut self,
        event: &Event<'a>,
        told: &Told<'a>,
        (id, kept): (Stated, &Kept<'a>),
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.gate.is_none() {
            return;
        }
        let known = self.known;
        let mut out = Vec::with_capacity(256);
        if event.time != 0 {
            out.push(0x09);
            out.extend_from_slice(&event.time.to_le_bytes());
        }
        field(&mut out, NAME, event.name.as_bytes());
        write(&mut out);
        for which in [id, Stated::StepId] {
            match told.of(which) {
                Value::Text(said) if is_uuid(said) => text(&mut out, known.key_of(which), said),
                Value::Text(said) => {
                    let kept = self.kept_name(said);
                    text(&mut out, known.key_of(which), &kept);
                }
                _ => {}
            }
        }
        metadata(&mut out, IN_EVENT, &known.metadata_prefix, kept);
        self.copied.keep_event(&out, true);
    }
}
