//! The names under which a wallet knows our issuances.

use aws_lc_rs::digest::{SHA256, digest};
use bestow_contract::CorrelationId;
use uuid::{Builder, Uuid};

/// What a wallet is told instead of `id`, the same each time: `id` itself, if it is plain.
///
/// An id of any other form might not reach the wallet in the path of Get issue status, because only our own backend
/// reads the escapes of [`CorrelationId::path_segment`]. It is told as a UUID version 8 of its SHA-256 (RFC 9562 §5.8 and
/// App. B.2). So is an id that is such a UUID itself: no caller can choose the name of another's issuance.
pub(crate) fn of(id: &CorrelationId) -> CorrelationId {
    let looks_derived =
        || Uuid::parse_str(id.as_str()).is_ok_and(|uuid| uuid.get_version_num() == 8);
    if id.is_plain() && !looks_derived() {
        return id.clone();
    }
    let hash = digest(&SHA256, id.as_str().as_bytes());
    let bytes = hash.as_ref().first_chunk().copied().unwrap_or_default();
    Builder::from_custom_bytes(bytes).into_uuid().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str) -> String {
        of(&id.parse().unwrap()).to_string()
    }

    #[test]
    fn a_plain_id_is_told_as_it_is() {
        for id in [
            "89cba89",
            "order 7 é",
            "0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
        ] {
            assert_eq!(told(id), id);
        }
    }

    #[test]
    fn any_other_id_is_told_as_a_uuid_of_its_own() {
        // printf a/b | sha256sum begins with c14cddc033f64b9dea80ea675cf280a0.
        assert_eq!(told("a/b"), "c14cddc0-33f6-8b9d-aa80-ea675cf280a0");
        assert_ne!(told("a/b"), told("a/c"));
        assert_eq!(told("~x"), told("~x"));
        assert_ne!(told(&told("a/b")), told("a/b"));
    }
}
