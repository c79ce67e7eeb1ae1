//! What a customer's wallet sends to the bundled one: token and credential requests, and the names in paths.

#![no_main]

use bestow_issuer::{CredentialRequest, ListNumber, OfferId, TokenRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = TokenRequest::parse(Some("application/x-www-form-urlencoded"), bytes);
    let _ = CredentialRequest::parse(Some("application/json"), bytes);
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let _ = TokenRequest::parse(Some(text), b"grant_type=x");
    let _ = text.parse::<OfferId>();
    let _ = text.parse::<ListNumber>();
});
