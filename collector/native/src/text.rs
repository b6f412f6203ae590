//! What texts may look like: patterns, plain forms of words, ids and stand-ins, as the contract's Python has them.

use hmac::{Hmac, KeyInit, Mac};
use regex::bytes::{Regex, RegexBuilder};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// A pattern of the contract: ASCII classes, as Python's `re.ASCII`.
pub fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .unicode(false)
        .build()
        .map_err(|_| "a pattern is not understood".to_owned())
}

/// The same for a whole text.
pub fn whole(text: &str) -> Result<Regex, String> {
    pattern(&format!("\\A(?:{text})\\z"))
}

/// What Python's `str.isspace` says.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}

/// Python's `str.strip`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Characters, of which a text has no more than bytes.
pub fn is_longer(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().count() > most
}

/// `spellings.plain` of an ASCII word.
pub fn plain(word: &str) -> String {
    let word = strip(word).as_bytes();
    let mut out = String::with_capacity(word.len() + 4);
    let mut gap = false;
    for (place, &byte) in word.iter().enumerate() {
        let separates = matches!(byte, b'.' | b'_' | b'/' | b'+' | b'-') || is_space(char::from(byte));
        if separates {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            out.push('_');
        }
        gap = false;
        out.push(char::from(byte.to_ascii_lowercase()));
        let (next, after) = (word.get(place + 1), word.get(place + 2));
        let upper_next = next.is_some_and(u8::is_ascii_uppercase);
        let humped = (byte.is_ascii_lowercase() || byte.is_ascii_digit()) && upper_next
            || byte.is_ascii_uppercase() && upper_next && after.is_some_and(u8::is_ascii_lowercase);
        gap |= humped;
    }
    out
}

/// The same of any word; None where it is not ASCII, which Python treats.
pub fn ascii_plain(word: &str) -> Option<String> {
    word.is_ascii().then(|| plain(word))
}

/// UUIDv5 of a name in the project's namespace.
pub fn uuid5(namespace: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha1::new();
    hash.update(namespace);
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut id = [0u8; 16];
    for (to, from) in id.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    id[6] = id[6] & 0x0f | 0x50;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

/// `ids.parse_or_hash_id`; None where Python's reader of hexadecimal is more lenient than this one.
pub fn parse_or_hash_id(namespace: &[u8], text: &str) -> Option<[u8; 16]> {
    let length = if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    };
    if length == 36 || length == 32 {
        let mut id = [0u8; 16];
        let mut digits = 0usize;
        let mut is_hex = true;
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            if byte.is_ascii_whitespace() || byte == b'\x0b' {
                return None;
            }
            let Some(digit) = char::from(byte).to_digit(16) else {
                is_hex = false;
                break;
            };
            if let Some(to) = id.get_mut(digits / 2) {
                *to = *to << 4 | u8::try_from(digit).unwrap_or(0);
            }
            digits += 1;
        }
        if is_hex && digits == 32 {
            return Some(id);
        }
    }
    Some(uuid5(namespace, &[text.as_bytes()]))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        mac.update(part);
    }
    hexadecimal(&mac.finalize().into_bytes())
}

/// `names.conversation_hash`.
pub fn conversation_hash(key: &[u8], value: &str) -> String {
    if key.is_empty() || value.is_empty() {
        return String::new();
    }
    keyed(key, &[value.as_bytes()])
}

/// `names.stand_in`.
pub fn stand_in(label: &str, key: &[u8], name: &str) -> String {
    if key.is_empty() {
        return label.to_owned();
    }
    let mut digits = keyed(key, &[b"name\x00", strip(name).as_bytes()]);
    digits.truncate(8);
    format!("{label}_{digits}")
}
