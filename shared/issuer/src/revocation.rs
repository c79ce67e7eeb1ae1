//! The status of an issued credential: what names it, and how it may change.

use std::fmt;
use std::str::FromStr;

use bestow_contract::{CredentialStatus, CredentialStatusAnswer, Problem, StatusListEntry};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::issuer::IssuerIdentifier;
use crate::offer::whole_seconds;

/// Entries of one status list: 2^17 of 2 bits are 32 KiB before compression, and hide which one is looked up.
pub const LIST_CAPACITY: u32 = 1 << 17;

const NUMBER_BITS: u32 = 24;

/// Which status list. Lists are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct ListNumber(u32);

/// The number is not a status list's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a status list number")]
pub struct ListNumberError;

impl ListNumber {
    /// The first list.
    pub const FIRST: Self = Self(0);

    /// The list after this one; none after the last of 2^24.
    pub fn next(self) -> Option<Self> {
        Self::try_from(self.0 + 1).ok()
    }
}

impl TryFrom<u32> for ListNumber {
    type Error = ListNumberError;

    fn try_from(number: u32) -> Result<Self, ListNumberError> {
        if number < 1 << NUMBER_BITS {
            Ok(Self(number))
        } else {
            Err(ListNumberError)
        }
    }
}

impl FromStr for ListNumber {
    type Err = ListNumberError;

    /// Decimal, in the one way to write a number: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, ListNumberError> {
        let number: u32 = text.parse().map_err(|_| ListNumberError)?;
        if number.to_string() == text {
            Self::try_from(number)
        } else {
            Err(ListNumberError)
        }
    }
}

impl fmt::Display for ListNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Names the status of one credential, and says where it is kept.
///
/// A UUIDv8 (RFC 9562 §5.8) whose first 48 bits are list number and index, 24 bits each; the other 74 are random, so that
/// list and index, which are public, do not give it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Uuid")]
pub struct RevocationUuid(Uuid);

/// The UUID was not made by [`RevocationUuid::draw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a revocation UUID of this wallet")]
pub struct RevocationUuidError;

impl RevocationUuid {
    /// A random place on `list`. If it is taken, which a conditional write tells, draw again.
    pub fn draw(list: ListNumber, random: [u8; 16]) -> Self {
        let [_, l0, l1, l2] = list.0.to_be_bytes();
        let [_, _, _, i0, i1, i2, b0, b1, c0, c1, c2, c3, c4, c5, c6, c7] = random;
        // The capacity is a power of two, so the remainder is as uniform as the random bytes.
        let index = u32::from_be_bytes([0, i0, i1, i2]) % LIST_CAPACITY;
        let [_, i0, i1, i2] = index.to_be_bytes();
        Self(
            uuid::Builder::from_custom_bytes([
                l0, l1, l2, i0, i1, i2, b0, b1, c0, c1, c2, c3, c4, c5, c6, c7,
            ])
            .into_uuid(),
        )
    }

    /// The list on which the status is published.
    pub fn list(&self) -> ListNumber {
        let [l0, l1, l2, ..] = *self.0.as_bytes();
        ListNumber(u32::from_be_bytes([0, l0, l1, l2]))
    }

    /// The index on that list, below [`LIST_CAPACITY`].
    pub fn index(&self) -> u32 {
        let [_, _, _, i0, i1, i2, ..] = *self.0.as_bytes();
        u32::from_be_bytes([0, i0, i1, i2])
    }

    /// The UUID.
    pub const fn uuid(&self) -> Uuid {
        self.0
    }
}

impl TryFrom<Uuid> for RevocationUuid {
    type Error = RevocationUuidError;

    fn try_from(uuid: Uuid) -> Result<Self, RevocationUuidError> {
        let candidate = Self(uuid);
        let is_ours = uuid.get_version() == Some(uuid::Version::Custom)
            && uuid.get_variant() == uuid::Variant::RFC4122
            && candidate.index() < LIST_CAPACITY;
        if is_ours {
            Ok(candidate)
        } else {
            Err(RevocationUuidError)
        }
    }
}

/// What is stored of a credential's status, at its list and index. It is never deleted: an index
/// belongs to one credential, forever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// Names the status; its list and index are the item's key.
    pub revocation_uuid: RevocationUuid,
    /// The status, which is also the published one.
    pub status: CredentialStatus,
    /// When it was changed last; absent if it never was.
    #[serde(
        rename = "changed_at_seconds",
        with = "second::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub changed_at: Option<Timestamp>,
    /// Why it was changed last, in the backend's words. Not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl StatusRecord {
    /// The record of a new credential.
    pub const fn new(revocation_uuid: RevocationUuid) -> Self {
        Self {
            revocation_uuid,
            status: CredentialStatus::Valid,
            changed_at: None,
            reason: None,
        }
    }

    /// Decides on a change: the record to write, on the condition that the stored one still has its `revocation_uuid`
    /// and `status`; none if the status is that already. `asked` is the UUID that the backend named.
    ///
    /// # Errors
    /// 404 if the UUIDs differ, 409 on a way back from `revoked`.
    pub fn change(
        &self,
        asked: RevocationUuid,
        change: &bestow_contract::CredentialStatusChange,
        now: Timestamp,
    ) -> Result<Option<Self>, Problem> {
        self.answers_to(asked)?;
        if self.status == change.status {
            return Ok(None);
        }
        if self.status == CredentialStatus::Revoked {
            return Err(Problem::conflict(
                "The credential is revoked, and that is final: issue a new one instead.",
            ));
        }
        Ok(Some(Self {
            revocation_uuid: self.revocation_uuid,
            status: change.status,
            changed_at: Some(whole_seconds(now)),
            reason: change.reason.clone(),
        }))
    }

    /// The answer of `GET` and `PUT` credential status. What is stored is published with the same write.
    ///
    /// # Errors
    /// 404 if `asked` is not the stored UUID.
    pub fn answer(
        &self,
        issuer: &IssuerIdentifier,
        asked: RevocationUuid,
    ) -> Result<CredentialStatusAnswer, Problem> {
        self.answers_to(asked)?;
        Ok(CredentialStatusAnswer {
            revocation_uuid: asked.uuid(),
            status: self.status,
            published_status: self.status,
            published_at: self
                .changed_at
                .and_then(|at| u64::try_from(at.as_second()).ok()),
            status_list: StatusListEntry {
                uri: issuer.status_list_url(asked.list()),
                idx: u64::from(asked.index()),
            },
        })
    }

    fn answers_to(&self, asked: RevocationUuid) -> Result<(), Problem> {
        if self.revocation_uuid == asked {
            Ok(())
        } else {
            Err(unknown_credential())
        }
    }
}

/// 404 for a revocation UUID that is not ours or names nothing.
pub fn unknown_credential() -> Problem {
    Problem::not_found("There is no credential with this revocation_uuid.")
}

#[cfg(test)]
mod tests {
    use bestow_contract::CredentialStatusChange;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_763_920_000, 0);

    fn change(status: CredentialStatus) -> CredentialStatusChange {
        CredentialStatusChange {
            status,
            reason: Some("lost".to_owned()),
        }
    }

    proptest! {
        #[test]
        fn a_revocation_uuid_says_where_its_status_is(list in 0..1_u32 << 24, random: [u8; 16]) {
            let list = ListNumber::try_from(list).unwrap();
            let uuid = RevocationUuid::draw(list, random);
            prop_assert_eq!(uuid.list(), list);
            prop_assert!(uuid.index() < LIST_CAPACITY);
            prop_assert_eq!(uuid.uuid().get_version_num(), 8);
            prop_assert_eq!(RevocationUuid::try_from(uuid.uuid()), Ok(uuid));
        }

        #[test]
        fn the_random_part_tells_two_names_of_one_place_apart(random: [u8; 16], other: [u8; 7]) {
            prop_assume!(random[9..] != other);
            let mut changed = random;
            changed[9..].copy_from_slice(&other);
            let one = RevocationUuid::draw(ListNumber::FIRST, random);
            let two = RevocationUuid::draw(ListNumber::FIRST, changed);
            prop_assert_eq!(one.index(), two.index());
            prop_assert_ne!(one, two);
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = text.parse::<ListNumber>();
        }
    }

    #[test]
    fn a_foreign_uuid_is_refused() {
        for foreign in [
            "0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
            // Version 8, but an index beyond the list.
            "000000ff-ffff-8000-8000-000000000000",
        ] {
            let uuid: Uuid = foreign.parse().unwrap();
            assert_eq!(RevocationUuid::try_from(uuid), Err(RevocationUuidError));
        }
    }

    #[test]
    fn a_list_number_has_one_spelling() {
        assert_eq!("17".parse(), Ok(ListNumber(17)));
        for text in ["", "017", "+17", "-1", "16777216", "4294967296", "1e3"] {
            assert_eq!(text.parse::<ListNumber>(), Err(ListNumberError), "{text}");
        }
    }

    #[test]
    fn a_status_changes_both_ways_until_it_is_revoked() {
        let uuid = RevocationUuid::draw(ListNumber::FIRST, [7; 16]);
        let mut record = StatusRecord::new(uuid);
        for status in [
            CredentialStatus::Suspended,
            CredentialStatus::Valid,
            CredentialStatus::Suspended,
            CredentialStatus::Revoked,
        ] {
            let changed = record.change(uuid, &change(status), NOW).unwrap();
            record = changed.unwrap();
            assert_eq!(record.status, status);
            assert_eq!(record.changed_at, Some(NOW));
        }
        assert_eq!(
            record.change(uuid, &change(CredentialStatus::Revoked), NOW),
            Ok(None)
        );
        for status in [CredentialStatus::Valid, CredentialStatus::Suspended] {
            assert_eq!(
                record
                    .change(uuid, &change(status), NOW)
                    .unwrap_err()
                    .status,
                409
            );
        }
    }

    #[test]
    fn knowing_list_and_index_is_not_enough() {
        let record = StatusRecord::new(RevocationUuid::draw(ListNumber::FIRST, [7; 16]));
        let mut random = [7; 16];
        random[15] = 8;
        let guess = RevocationUuid::draw(ListNumber::FIRST, random);
        let refused = record.change(guess, &change(CredentialStatus::Revoked), NOW);
        assert_eq!(refused.unwrap_err().status, 404);
    }
}
