//! Verdicts on texts, remembered; and a fast hash with a seed of its own.

use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

const MOST: usize = 16_384;
const LONGEST: usize = 256;
const MULTIPLIER: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

#[derive(Clone)]
pub struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Seeded(RandomState::new().hash_one(0u64))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

pub struct Folded(u64);

impl Folded {
    fn fold(&mut self, piece: u64) {
        let product = u128::from(self.0 ^ piece).wrapping_mul(MULTIPLIER);
        #[allow(clippy::cast_possible_truncation)]
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.0 = low ^ high;
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.chunks_exact(8);
        for piece in &mut pieces {
            self.fold(u64::from_le_bytes(piece.try_into().unwrap_or_default()));
        }
        let mut last = [0u8; 8];
        let rest = pieces.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.fold(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = self.0.rotate_left(8) ^ u64::from(byte);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What was found of texts before.
#[derive(Default)]
pub struct Verdicts(HashMap<Box<str>, u8, Seeded>);

impl Verdicts {
    /// The verdict on a text, found by `judge` where it is not remembered.
    pub fn of(&mut self, text: &str, judge: impl FnOnce(&str) -> u8) -> u8 {
        if let Some(found) = self.0.get(text) {
            return *found;
        }
        let found = judge(text);
        if text.len() <= LONGEST {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(text.into(), found);
        }
        found
    }
}

#[derive(Default)]
pub struct Memory {
    pub identifiers: Verdicts,
    pub labels: Verdicts,
}
