//! An access token as a caller sends it, the claims of one that is signed, and the key set that its authorization server
//! publishes. They are private to their crate, which needs the AWS SDK for other things; so they are compiled from their
//! file.

#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../../shared/access/src/bearer/token.rs"]
mod token;

use bestow_jose::jws::{JwsError, Unverified};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

use token::{Expected, POLICY, granted};

/// What tokens are verified by. No token can be read that one of these keys has signed.
const KEYS: &[u8] = include_bytes!("../seeds/bearer_token/keys.json");

fuzz_target!(|bytes: &[u8]| {
    let _ = bestow_jose::read_jwk_set(bytes);
    let expected = Expected {
        issuer: "https://login.example".to_owned(),
        audience: "https://bestow.example".to_owned(),
    };
    if let Ok(claims) = bestow_jose::json::parse_object(bytes)
        && let Ok(granted) = granted(claims, &expected, Timestamp::UNIX_EPOCH)
    {
        // It stands in logs, and in the name of an item.
        assert!(
            !granted.client.is_empty()
                && granted.client.bytes().all(|byte| byte.is_ascii_graphic())
        );
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(token) = Unverified::read(text, &POLICY) {
        let keys = bestow_jose::read_jwk_set(KEYS).expect("a key set");
        assert!(!keys.is_empty());
        let verified = token.verify(&*keys);
        assert!(matches!(verified, Err(JwsError::Signature)), "nobody signed it");
    }
});
