//! What is known about a key.

use std::collections::BTreeSet;

use bestow_contract::Scope;
use thiserror::Error;

use crate::api_key::{ApiKey, KeyHash, KeyId};
use crate::rate_limit::RateLimit;

/// What is known about a key. The key itself is not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name.
    pub id: KeyId,
    /// What the key is recognised by.
    pub hash: KeyHash,
    /// What its holder may do.
    pub scopes: BTreeSet<Scope>,
    /// What operators want to remember about it.
    pub note: String,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// From when on it is not taken any more, in Unix milliseconds.
    pub valid_until_ms: Option<i64>,
    /// When it was revoked, in Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
    /// The key that was made to replace it.
    pub replaced_by: Option<KeyId>,
    /// How many requests its holder may make; `None` for as many as they like.
    pub rate_limit: Option<RateLimit>,
}

/// What an operator says about a key that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What its holder may do.
    pub scopes: BTreeSet<Scope>,
    /// What operators want to remember about it.
    pub note: String,
    /// From when on it is not taken any more, in Unix milliseconds.
    pub valid_until_ms: Option<i64>,
    /// How many requests its holder may make; `None` for as many as they like.
    pub rate_limit: Option<RateLimit>,
}

/// The bytes that a key is made of.
#[derive(Clone)]
pub struct Randomness {
    /// Of its id.
    pub id: [u8; 10],
    /// Of its secret.
    pub secret: [u8; 32],
}

/// The operating system has no randomness to give.
#[derive(Debug, Error)]
#[error("the operating system gives no randomness to make a key of")]
pub struct RandomnessError;

impl Randomness {
    /// From the operating system's source.
    ///
    /// # Errors
    /// It has none.
    pub fn of_system() -> Result<Self, RandomnessError> {
        let (mut id, mut secret) = ([0; 10], [0; 32]);
        aws_lc_rs::rand::fill(&mut id).map_err(|_| RandomnessError)?;
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| RandomnessError)?;
        Ok(Self { id, secret })
    }
}

impl NewKey {
    /// Makes the key at `now_ms`.
    pub fn make(self, randomness: &Randomness, now_ms: i64) -> (ApiKey, KeyRecord) {
        let id = KeyId::of(randomness.id);
        let key = ApiKey::of(&id, randomness.secret);
        let record = KeyRecord {
            id,
            hash: key.hash(),
            scopes: self.scopes,
            note: self.note,
            created_at_ms: now_ms,
            valid_until_ms: self.valid_until_ms,
            revoked_at_ms: None,
            replaced_by: None,
            rate_limit: self.rate_limit,
        };
        (key, record)
    }
}

/// Whether a key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is taken.
    Valid,
    /// Its time is over.
    Expired {
        /// Since when, in Unix milliseconds.
        at_ms: i64,
    },
    /// An operator ended it.
    Revoked {
        /// Since when, in Unix milliseconds.
        at_ms: i64,
    },
}

impl KeyRecord {
    /// Whether the key is taken at `now_ms`.
    pub fn state(&self, now_ms: i64) -> KeyState {
        match (self.revoked_at_ms, self.valid_until_ms) {
            (Some(at_ms), _) => KeyState::Revoked { at_ms },
            (None, Some(at_ms)) if at_ms <= now_ms => KeyState::Expired { at_ms },
            _ => KeyState::Valid,
        }
    }

    /// When the record itself may go, in Unix seconds: long after the key ended, so that until then its
    /// holder is told why it is not taken. `None` for a key without an end.
    pub(crate) fn forgotten_at(&self) -> Option<i64> {
        const REMEMBERED_SECONDS: i64 = 90 * 24 * 60 * 60;
        let ended_at_ms = self.revoked_at_ms.or(self.valid_until_ms)?;
        Some(ended_at_ms.div_euclid(1000) + REMEMBERED_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_by_time_or_by_an_operator() {
        let mut record = KeyRecord {
            id: "k".parse().unwrap(),
            hash: KeyHash::of(b"key"),
            scopes: BTreeSet::new(),
            note: String::new(),
            created_at_ms: 0,
            valid_until_ms: None,
            revoked_at_ms: None,
            replaced_by: None,
            rate_limit: None,
        };
        assert_eq!(record.state(i64::MAX), KeyState::Valid);
        assert_eq!(record.forgotten_at(), None);
        record.valid_until_ms = Some(1_000);
        assert_eq!(record.state(999), KeyState::Valid);
        assert_eq!(record.state(1_000), KeyState::Expired { at_ms: 1_000 });
        assert_eq!(record.forgotten_at(), Some(7_776_001));
        record.revoked_at_ms = Some(500);
        assert_eq!(record.state(2_000), KeyState::Revoked { at_ms: 500 });
    }
}
