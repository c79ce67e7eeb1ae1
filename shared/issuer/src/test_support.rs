//! An issuer, a holder and a store for tests.

use contract::CorrelationId;

use crate::{Offer, OfferId, OfferState, RequestHash, WalletKeys};

pub(crate) const IDENTIFIER: &str = "https://issuer.example";
pub(crate) const NOW: i64 = 1_763_920_000;

pub(crate) fn keys() -> WalletKeys {
    let secret = "a secret of at least thirty-two characters".to_owned();
    WalletKeys::derive(&secret.into(), IDENTIFIER).unwrap()
}

/// An offer that was just made.
pub(crate) fn offer() -> Offer {
    let correlation_id: CorrelationId = "89cba89".parse().unwrap();
    Offer {
        offer_id: OfferId::of(&keys(), &correlation_id),
        created_at_seconds: NOW,
        code_expires_at_seconds: NOW + 900,
        correlation_id,
        template_id: "issue_iban".to_owned(),
        request_hash: RequestHash("hash".to_owned()),
        encrypted_claims: None,
        tx_code: None,
        tx_code_attempts: 0,
        revocation_uuid: None,
        changed_at_seconds: NOW,
        state: OfferState::Created,
    }
}
