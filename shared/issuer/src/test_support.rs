//! An issuer, a holder and a store for tests.

use bestow_contract::CorrelationId;

use crate::{Offer, OfferId, OfferState, TemplateFile, Templates, WalletKeys};

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
        offer_id: OfferId::of("89cba89"),
        created_at_seconds: NOW,
        code_expires_at_seconds: NOW + 900,
        correlation_id,
        template_id: "issue_iban".to_owned(),
        encrypted_claims: None,
        tx_code: None,
        tx_code_attempts: 0,
        revocation_uuid: None,
        changed_at_seconds: NOW,
        state: OfferState::Created,
    }
}

/// The templates that are shipped.
pub(crate) const TEMPLATE_FILES: [TemplateFile<'static>; 3] = [
    TemplateFile {
        name: "issue_iban.json",
        text: include_str!("../../../infra/issue-templates/issue_iban.json"),
    },
    TemplateFile {
        name: "company_registration.json",
        text: include_str!("../../../infra/issue-templates/company_registration.json"),
    },
    TemplateFile {
        name: "employee_badge.json",
        text: include_str!("../../../infra/issue-templates/employee_badge.json"),
    },
];

pub(crate) fn templates() -> Templates {
    Templates::load(&TEMPLATE_FILES).unwrap()
}
