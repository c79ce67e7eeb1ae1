//! An access token as a caller sends it, and the key set that its authorization server publishes. They are private to
//! their crate, which needs the AWS SDK for other things; so they are compiled from their files.

#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../../shared/access/src/bearer/jwk.rs"]
mod jwk;
#[path = "../../../shared/access/src/bearer/token.rs"]
mod token;

use libfuzzer_sys::fuzz_target;

use token::{Expected, Unverified};

fuzz_target!(|bytes: &[u8]| {
    let keys = jwk::read_set(bytes).unwrap_or_default();
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(token) = Unverified::read(text) {
        let expected = Expected {
            issuer: "https://login.example".to_owned(),
            audience: "https://bestow.example".to_owned(),
        };
        let granted = token.verify(&keys, &expected, 0);
        assert!(granted.is_err(), "nobody signed it");
    }
});
