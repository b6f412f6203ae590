//! What remains of a value in its form: one function for each that the allow-list names.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::batch::Batch;
use crate::encoding::{attribute, count, is_uuid, Any};
use crate::facts::Reader;
use crate::gate::{Gate, Maker};
use crate::json::list_length;
use crate::otlp::Value;
use crate::readers::{spelling, Read, Said, Spelling};
use crate::span::HandBack;
use crate::text::{conversation_hash, is_longer, strip};

/// The tag of the field that an attribute stands in, its key and what makes it.
type Made<'k> = (u8, &'k str, Maker);

impl<'a> Batch<'a> {
    /// Writes the attribute of a key, if anything remains of its value.
    pub fn make(
        &mut self,
        gate: &Gate,
        out: &mut Vec<u8>,
        (tag, key, maker): Made<'_>,
        value: Value<'a>,
    ) -> Result<(), HandBack> {
        match (maker, value) {
            (Maker::Id, Value::Text(text)) if is_uuid(text) => attribute(out, tag, key, Any::Text(text)),
            (Maker::Name | Maker::Id, Value::Text(text)) => {
                let kept = self.kept_name(text);
                attribute(out, tag, key, Any::Text(&kept));
            }
            (Maker::Requested, Value::Text(_)) => {
                attribute(out, tag, key, Any::Text(&self.known.facts.stand_ins.1));
            }
            (Maker::Name | Maker::Id | Maker::Requested, _) => {}
            (Maker::Conversation, _) => {
                let kept = self.conversation(gate, value.text());
                if !kept.is_empty() {
                    attribute(out, tag, key, Any::Text(&kept));
                }
            }
            (Maker::FinishReason, _) => self.word(gate, &gate.finish_reasons, (out, tag, key), value)?,
            (Maker::OutputType, _) => self.word(gate, &gate.output_types, (out, tag, key), value)?,
            (Maker::Flag, _) => match Reader::Flag.read(self.known, value) {
                Read::Is(Said::Bool(flag)) => attribute(out, tag, key, Any::Bool(flag)),
                Read::HandBack => return Err(HandBack),
                _ => {}
            },
            (Maker::Length, Value::List(_)) => {
                let length = value.items().count().min(gate.longest.list);
                attribute(out, tag, key, Any::Blanks(length));
            }
            (Maker::Length, Value::Text(text)) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                if is_longer(text, gate.longest.json) {
                    return Err(HandBack);
                }
                let length = list_length(text).ok_or(HandBack)?;
                let length = usize::try_from(length).map_err(|_| HandBack)?;
                attribute(out, tag, key, Any::Blanks(length.min(gate.longest.list)));
            }
            (Maker::Count | Maker::Length, _) => match Reader::Count.read(self.known, value) {
                Read::Is(Said::Number(number)) => count(out, tag, key, number),
                Read::HandBack => return Err(HandBack),
                _ => {}
            },
        }
        Ok(())
    }

    /// A conversation's id as the site's hash of it; one that is a hash already stays.
    fn conversation<'t>(&self, gate: &Gate, said: &'t str) -> Cow<'t, str> {
        if gate.hash.is_match(said.as_bytes()) {
            Cow::Borrowed(said)
        } else {
            Cow::Owned(conversation_hash(&self.known.facts.site_key, said))
        }
    }

    /// Our word for the first text of a value.
    fn word(
        &self,
        gate: &Gate,
        words: &HashMap<String, String>,
        (out, tag, key): (&mut Vec<u8>, u8, &str),
        value: Value<'a>,
    ) -> Result<(), HandBack> {
        let is_said = |text: &&str| !strip(text).is_empty();
        let said = match value {
            Value::List(_) => value.items().map(Value::text).find(is_said),
            _ => Some(value.text()).filter(is_said),
        };
        let Some(said) = said else {
            return Ok(());
        };
        let word = match spelling(self.known, words, said) {
            Spelling::Word("") => return Ok(()),
            Spelling::Word(word) => word,
            Spelling::Unknown => &gate.other_word,
            Spelling::HandBack => return Err(HandBack),
        };
        attribute(out, tag, key, Any::Text(word));
        Ok(())
    }
}
