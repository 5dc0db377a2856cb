//! Where ids come from: one seeded source, so that a run can be repeated.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Ids(StdRng);

impl Ids {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.0.random()).into_uuid()
    }

    /// A number to count from, which no other run is likely to come to.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.random_range(1..1 << 52)
    }

    /// A property id as Notion makes them: four characters, many of which a URL must encode.
    pub(crate) fn property(&mut self) -> String {
        const ALPHABET: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:;<=>?@[]^_`{|}~";
        (0..4)
            .map(|_| char::from(ALPHABET[self.0.random_range(0..ALPHABET.len())]))
            .collect()
    }
}

/// A uuid with or without dashes, lower case, of the RFC's variant.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    let dashed = text.len() == 36;
    if !dashed && (text.len() != 32 || text.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    let id = Uuid::try_parse(text).ok()?;
    (id.get_variant() == uuid::Variant::RFC4122).then_some(id)
}

/// Objects by their ids.
pub(crate) type ById<T> = HashMap<Uuid, T, BuildHasherDefault<IdHasher>>;

/// Ids are drawn at random, so that they need no mixing: a query looks up thousands.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
