//! What a verifier reads of a credential's status, without the signatures: those are tested elsewhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_status_list::{EncodedStatusList, StatusList, StatusReference};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A Status List Token's list.
pub fn read(token: &str) -> StatusList {
    let encoded: EncodedStatusList = claim(token, "/status_list");
    StatusList::decode(&encoded).expect("a list")
}

/// The entry that a credential names.
pub fn entry_of(credential: &str) -> StatusReference {
    let token = credential.split('~').next().expect("an issuer-signed JWT");
    claim(token, "/status/status_list")
}

/// How many entries are not valid.
pub fn changed(list: &StatusList) -> usize {
    let entries = 0..list.entries() as u64;
    entries.filter(|index| list.get(*index) != Some(0)).count()
}

fn claim<T: DeserializeOwned>(token: &str, pointer: &str) -> T {
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    let claim = payload.pointer(pointer).expect("the claim");
    serde_json::from_value(claim.clone()).expect("its form")
}
