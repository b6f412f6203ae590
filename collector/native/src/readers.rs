//! Readers of attribute values: one function for each kind that the conventions' tables name.

use std::collections::HashMap;

use crate::facts::{Known, Reader};
use crate::json::list_length;
use crate::otlp::Value;
use crate::text::{is_longer, plain, strip};

pub const NO_NAME: &str = "identifier.pattern";
pub const NO_COUNT: &str = "count.range";
pub const NO_WORD: &str = "closed.set";

/// A fact's value.
#[derive(Clone, Copy, PartialEq)]
pub enum Said<'a> {
    Nothing,
    Text(&'a str),
    Number(u64),
    Bool(bool),
    /// What stands for a name; the text is kept beside the facts.
    StandIn,
}

/// What a reader makes of a value.
pub enum Read<'a> {
    Nothing,
    Is(Said<'a>),
    /// The rule that the value breaks, and the word that holds instead.
    Not(&'static str, Option<&'a str>),
    /// Python decides.
    HandBack,
}

impl<'a> Reader {
    pub fn read(&'a self, known: &'a Known, value: Value<'a>) -> Read<'a> {
        match self {
            Reader::Text => said(value.text()),
            Reader::Name => name(value),
            Reader::Count => count(known, value),
            Reader::Sequence => match count(known, value) {
                Read::Is(Said::Number(number)) if number > known.facts.most.1 => Read::Not(NO_COUNT, None),
                other => other,
            },
            Reader::NextCount => match count(known, value) {
                Read::Is(Said::Number(number)) if number < known.facts.most.0 => {
                    Read::Is(Said::Number(number + 1))
                }
                Read::Is(_) => Read::Not(NO_COUNT, None),
                other => other,
            },
            Reader::Flag => flag(known, value),
            Reader::Failed => failed(known, value),
            Reader::Length => length(known, value),
            Reader::Filled => filled(known, value),
            Reader::Constant(word) => Read::Is(Said::Text(word)),
            Reader::Spelled {
                table,
                unknown,
                is_open,
            } => spelled(known, *table, unknown.as_deref(), *is_open, value),
        }
    }
}

fn said(text: &str) -> Read<'_> {
    if text.is_empty() {
        Read::Nothing
    } else {
        Read::Is(Said::Text(text))
    }
}

fn name(value: Value<'_>) -> Read<'_> {
    match value {
        Value::Nothing => Read::Nothing,
        Value::Text(text) => said(strip(text)),
        _ => Read::Not(NO_NAME, None),
    }
}

fn count<'a>(known: &Known, value: Value<'_>) -> Read<'a> {
    let most = known.facts.most.0;
    let found = match value {
        Value::Nothing => return Read::Nothing,
        Value::Int(number) => u64::try_from(number).ok().filter(|number| *number <= most),
        Value::Double(number) => whole_number(number, most),
        Value::Text(text) => {
            let text = strip(text);
            if text.is_empty() {
                return Read::Nothing;
            }
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                digits(text).filter(|number| *number <= most)
            } else if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
            {
                return Read::HandBack;
            } else {
                None
            }
        }
        _ => None,
    };
    found.map_or(Read::Not(NO_COUNT, None), |number| Read::Is(Said::Number(number)))
}

fn whole_number(number: f64, most: u64) -> Option<u64> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    (number >= 0.0 && number <= most as f64 && number.fract() == 0.0).then_some(number as u64)
}

/// A number of at most twenty digits.
fn digits(text: &str) -> Option<u64> {
    if text.len() > 20 {
        return None;
    }
    text.parse().ok()
}

fn filled<'a>(known: &Known, value: Value<'_>) -> Read<'a> {
    let has_any = match value {
        Value::Int(number) => number > 0,
        Value::Text(text) => !known.facts.no_counts.contains(strip(text)),
        _ => false,
    };
    if has_any {
        Read::Is(Said::Bool(true))
    } else {
        Read::Nothing
    }
}

fn flag<'a>(known: &Known, value: Value<'_>) -> Read<'a> {
    let found = match value {
        Value::Nothing => return Read::Nothing,
        Value::Bool(flag) => Some(flag),
        // In its plain form a number has no sign.
        Value::Int(number) => known.facts.flags.get(&number.unsigned_abs().to_string()).copied(),
        Value::Text(text) => {
            if strip(text).is_empty() {
                return Read::Nothing;
            }
            if !text.is_ascii() || text.len() > known.facts.most.3 {
                return Read::HandBack;
            }
            known.facts.flags.get(&plain(text)).copied()
        }
        _ => None,
    };
    found.map_or(Read::Not(NO_WORD, None), |flag| Read::Is(Said::Bool(flag)))
}

fn failed<'a>(known: &Known, value: Value<'_>) -> Read<'a> {
    let text = value.text();
    if !text.is_ascii() {
        return Read::HandBack;
    }
    if known.facts.failures.contains(&plain(text)) {
        Read::Is(Said::Bool(true))
    } else {
        Read::Nothing
    }
}

fn length<'a>(known: &Known, value: Value<'_>) -> Read<'a> {
    match value {
        Value::List(_) => Read::Is(Said::Number(value.items().count() as u64)),
        Value::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => count(known, value),
        Value::Text(text) if is_longer(text, known.facts.longest_list) => Read::Not(NO_COUNT, None),
        Value::Text(text) => match list_length(text) {
            Some(found) => Read::Is(Said::Number(found)),
            None => Read::HandBack,
        },
        _ => count(known, value),
    }
}

fn spelled<'a>(
    known: &'a Known,
    table: usize,
    unknown: Option<&'a str>,
    is_open: bool,
    value: Value<'a>,
) -> Read<'a> {
    let words = &known.spellings[table];
    let found = match words.get(value.text()) {
        Some(word) => word.as_str(),
        None => {
            let mut text = value.text();
            if text.is_empty() {
                match first_text(known, value) {
                    Some(found) => text = found,
                    None => return Read::HandBack,
                }
            }
            if text.is_empty() {
                ""
            } else {
                match spelling(known, words, text) {
                    Spelling::Word(word) => word,
                    Spelling::Unknown if is_open => return Read::Nothing,
                    Spelling::Unknown => return Read::Not(NO_WORD, unknown),
                    Spelling::HandBack => return Read::HandBack,
                }
            }
        }
    };
    match (found, value) {
        ("", Value::Nothing | Value::Text(_) | Value::List(_)) => Read::Nothing,
        ("", _) if is_open => Read::Nothing,
        ("", _) => Read::Not(NO_WORD, None),
        _ => Read::Is(Said::Text(found)),
    }
}

/// The first text of a list that is not blank; None where lists are in it.
fn first_text<'a>(known: &Known, value: Value<'a>) -> Option<&'a str> {
    for item in value.items().take(known.facts.most.2 - 1) {
        match item {
            Value::List(_) => return None,
            _ if !strip(item.text()).is_empty() => return Some(item.text()),
            _ => {}
        }
    }
    Some("")
}

pub enum Spelling<'a> {
    Word(&'a str),
    Unknown,
    HandBack,
}

/// `spellings.spelling` of an ASCII text.
pub fn spelling<'a>(known: &Known, words: &'a HashMap<String, String>, text: &str) -> Spelling<'a> {
    let find = |form: &str| words.get(form).map(String::as_str);
    if let Some(word) = find(text) {
        return Spelling::Word(word);
    }
    if is_longer(text, known.facts.most.3) {
        return Spelling::Unknown;
    }
    if !text.is_ascii() {
        return Spelling::HandBack;
    }
    let patterns = &known.patterns;
    for piece in patterns.between_words.split(text.as_bytes()) {
        let Ok(piece) = std::str::from_utf8(piece) else {
            return Spelling::HandBack;
        };
        let whole = plain(piece);
        if known.facts.labels_of_words.contains(&whole) {
            continue;
        }
        if let Some(word) = find(&whole) {
            return Spelling::Word(word);
        }
        let word = strip(piece);
        if patterns.qualified.is_match(word.as_bytes()) {
            for (place, _) in word.match_indices('.') {
                if let Some(found) = find(&plain(&word[place + 1..])) {
                    return Spelling::Word(found);
                }
            }
        }
        let member = patterns
            .prefix
            .captures(whole.as_bytes())
            .and_then(|found| found.get(1));
        let member = member.and_then(|found| std::str::from_utf8(found.as_bytes()).ok());
        return member.and_then(find).map_or(Spelling::Unknown, Spelling::Word);
    }
    Spelling::Word("")
}
