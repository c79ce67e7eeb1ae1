//! What is known about a key.

use std::collections::BTreeSet;
use std::time::Duration;

use bestow_contract::Scope;
use jiff::Timestamp;

use crate::api_key::{KeyHash, KeyId};
use crate::rate_limit::RateLimit;

/// How long a record outlives its key, so that the holder is told why it is not accepted: 90 days.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What is known about a key. The key itself is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name.
    pub id: KeyId,
    /// What the key is recognised by.
    pub hash: KeyHash,
    /// What its holder may do.
    pub scopes: BTreeSet<Scope>,
    /// The operators' own words.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub valid_until: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that replaces it.
    pub replaced_by: Option<KeyId>,
    /// How many requests its holder may make; `None` for any number.
    pub rate_limit: Option<RateLimit>,
}

/// Whether a key is accepted, and since when not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is accepted.
    Valid,
    /// Its time is over.
    Expired(Timestamp),
    /// An operator ended it.
    Revoked(Timestamp),
}

impl KeyRecord {
    /// A key without a note, an end or a limit.
    pub fn new(id: KeyId, hash: KeyHash, scopes: BTreeSet<Scope>, now: Timestamp) -> Self {
        Self {
            id,
            hash,
            scopes,
            note: String::new(),
            created_at: now,
            valid_until: None,
            revoked_at: None,
            replaced_by: None,
            rate_limit: None,
        }
    }

    /// Whether the key is accepted at `now`.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.valid_until) {
            (Some(at), _) => KeyState::Revoked(at),
            (None, Some(at)) if at <= now => KeyState::Expired(at),
            _ => KeyState::Valid,
        }
    }

    /// When the record itself may go; `None` for a key without an end.
    pub(crate) fn forgotten_at(&self) -> Option<Timestamp> {
        let ended_at = self.revoked_at.or(self.valid_until)?;
        Some(
            ended_at
                .saturating_add(REMEMBERED)
                .unwrap_or(Timestamp::MAX),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_by_time_or_by_an_operator() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let (id, hash) = ("k".parse().unwrap(), KeyHash::of(b"key"));
        let mut record = KeyRecord::new(id, hash, BTreeSet::new(), at(0));
        assert_eq!(record.state(Timestamp::MAX), KeyState::Valid);
        assert_eq!(record.forgotten_at(), None);
        record.valid_until = Some(at(1_000));
        assert_eq!(record.state(at(999)), KeyState::Valid);
        assert_eq!(record.state(at(1_000)), KeyState::Expired(at(1_000)));
        assert_eq!(record.forgotten_at(), Some(at(7_776_001_000)));
        record.revoked_at = Some(at(500));
        assert_eq!(record.state(at(2_000)), KeyState::Revoked(at(500)));
        record.revoked_at = Some(Timestamp::MAX);
        assert_eq!(record.forgotten_at(), Some(Timestamp::MAX));
    }
}
