//! Everything that comes signed, or is a key: proofs, certificates, credentials and status lists.

#![no_main]

use bestow_credential::{Disclosure, UnverifiedSdJwt};
use libfuzzer_sys::fuzz_target;
use bestow_jose::jws::{Policy, Unverified};
use bestow_jose::{CertificateChain, PublicJwk};
use bestow_signing::ecdsa_der_to_raw;
use bestow_status_list::{EncodedStatusList, StatusList, UnverifiedStatusList};

const PROOF: Policy<'_> = Policy::es256(&["openid4vci-proof+jwt"], 64 * 1024);

fuzz_target!(|bytes: &[u8]| {
    let _ = ecdsa_der_to_raw(bytes);
    let _ = PublicJwk::from_spki_der(bytes);
    let _ = PublicJwk::from_point(bytes);
    if let Ok(chain) = CertificateChain::from_der(vec![bytes.to_vec().into()]) {
        let _ = (chain.leaf_key(), chain.not_after());
    }
    if let Ok(json) = bestow_jose::json::parse(bytes) {
        let _ = CertificateChain::from_x5c(&json);
        if let Ok(key) = PublicJwk::from_json(&json) {
            // A key that is taken is written as the key that it is.
            let again = PublicJwk::from_json(&key.to_json()).expect("a key can be read again");
            assert_eq!(again.thumbprint(), key.thumbprint());
        }
    }
    if let Ok(list) = serde_json::from_slice::<EncodedStatusList>(bytes) {
        let _ = StatusList::decode(&list);
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let _ = CertificateChain::from_pem(text);
    let _ = PublicJwk::from_did_url(text);
    let _ = Disclosure::parse(text);
    if let Ok(proof) = Unverified::read(text, &PROOF) {
        let _ = proof.header().key();
    }
    let _ = bestow_jose::read_jwk_set(bytes);
    let _ = UnverifiedSdJwt::read(text).map(|credential| credential.header().kid().is_some());
    let _ = UnverifiedStatusList::read(text).map(|list| list.header().kid().is_some());
});
