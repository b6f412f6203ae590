//! What names, error types and metadata may look like, as the contract's Python has them.

use std::collections::HashMap;

use regex::bytes::Regex;

use super::facts::Known;
use super::node::{HandBack, Settling};
use super::read::Rows;
use super::rules::Rule;
use crate::text::{is_longer, pattern, strip, whole};

pub struct Patterns {
    identifier: Regex,
    secret: Regex,
    label: Regex,
    metadata_key: Regex,
    ran: Regex,
    call_again: Regex,
    unknown_tool: Regex,
    stood_for: Regex,
}

impl Patterns {
    pub fn new(stated: &HashMap<String, String>) -> Result<Patterns, String> {
        let of = |name: &str| {
            stated
                .get(name)
                .ok_or_else(|| format!("the pattern {name} is missing"))
        };
        Ok(Patterns {
            identifier: whole(of("identifier")?)?,
            secret: pattern(of("secret")?)?,
            label: whole(of("label")?)?,
            metadata_key: whole(of("metadata_key")?)?,
            ran: whole(of("ran")?)?,
            call_again: whole(of("call_again")?)?,
            unknown_tool: pattern(of("unknown_tool")?)?,
            stood_for: whole(of("stood_for")?)?,
        })
    }
}

impl Known {
    /// `names.is_identity`.
    pub fn is_identity(&self, name: &str) -> bool {
        !self.handed.no_identity.contains(name)
    }

    /// Whether `names.digits_of` finds digits.
    pub fn has_digits(&self, name: &str) -> bool {
        name.starts_with('_') && self.patterns.stood_for.is_match(name.as_bytes())
    }

    /// `names.shows_execution`.
    pub fn shows_execution(&self, error_type: &str) -> bool {
        let (patterns, error) = (&self.patterns, error_type.as_bytes());
        patterns.ran.is_match(error)
            && !patterns.call_again.is_match(error)
            && !patterns.unknown_tool.is_match(error)
    }

    /// `failure_codes.failure_code`.
    pub fn failure_code(&self, error_type: &str) -> Settling<&str> {
        // Python's lower case of other letters is not ours.
        if !error_type.is_ascii() {
            return Err(HandBack);
        }
        let letters = error_type
            .chars()
            .filter(|letter| !self.handed.between_words.contains(&letter.to_ascii_lowercase()));
        let word: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let found = self
            .handed
            .failure_words
            .iter()
            .find(|(part, _)| word.contains(part.as_str()));
        Ok(found.map_or(&self.handed.uncaught, |(_, code)| code))
    }

    /// `failure_codes.tool_failure_rule`.
    pub fn tool_failure(&self, error_type: &str) -> Settling<Rule> {
        let code = self.failure_code(error_type)?;
        self.tool_failures.get(code).copied().ok_or(HandBack)
    }

    /// Whether `texts.identifier` leaves a text as it is.
    pub fn is_identifier(&self, text: &str) -> bool {
        text.is_empty()
            || strip(text).len() == text.len()
                && !is_longer(text, self.numbers.identifier)
                && self.patterns.identifier.is_match(text.as_bytes())
                && !self.patterns.secret.is_match(text.as_bytes())
    }

    /// Whether the rules of today accept this metadata as it is stored, each name once and in order.
    pub fn is_sound(&self, metadata: &[u8]) -> bool {
        metadata == [0] || self.check_metadata(metadata).is_some()
    }

    fn check_metadata(&self, metadata: &[u8]) -> Option<()> {
        let mut rows = Rows::of(metadata);
        let count = rows.length()?;
        if count > self.numbers.metadata_keys {
            return None;
        }
        let mut before = "";
        for place in 0..count {
            let key = rows.text()?;
            if place > 0 && key <= before {
                return None;
            }
            before = key;
            self.check_key(key)?;
            match rows.byte()? {
                0 => drop(rows.flag()?),
                1 => drop(rows.float()?),
                2 => drop(rows.number()?),
                3 => self.check_label(rows.text()?)?,
                _ => return None,
            }
        }
        rows.is_done().then_some(())
    }

    fn check_key(&self, key: &str) -> Option<()> {
        let letters = key
            .bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .filter(u8::is_ascii_lowercase);
        let letters: String = letters.map(char::from).collect();
        let patterns = &self.patterns;
        let is_sound = !self.handed.blocked_keys.contains(&letters)
            && key.len() <= self.numbers.metadata_key
            && patterns.metadata_key.is_match(key.as_bytes())
            && !patterns.secret.is_match(key.as_bytes());
        is_sound.then_some(())
    }

    fn check_label(&self, label: &str) -> Option<()> {
        let patterns = &self.patterns;
        // What is printable outside of ASCII Python knows.
        let is_sound = label.is_ascii()
            && !is_longer(label, self.numbers.metadata)
            && patterns.label.is_match(label.as_bytes())
            && !patterns.secret.is_match(label.as_bytes());
        is_sound.then_some(())
    }
}
