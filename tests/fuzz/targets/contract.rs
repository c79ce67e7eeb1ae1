//! The other texts of the contract: from callers, in paths, and from wallets that answer us.

#![no_main]

use bestow_contract::{
    CorrelationId, CredentialStatusAnswer, CredentialStatusChange, IssueStatus, Problem,
    StartIssueAnswer, is_request_uri,
};
use libfuzzer_sys::fuzz_target;
use bestow_webhooks::DeliveryId;

fuzz_target!(|bytes: &[u8]| {
    let _ = CredentialStatusChange::from_json(bytes);
    // The answers of a wallet, whatever it is.
    let _ = serde_json::from_slice::<IssueStatus>(bytes);
    let _ = serde_json::from_slice::<StartIssueAnswer>(bytes);
    let _ = serde_json::from_slice::<CredentialStatusAnswer>(bytes);
    let problem = Problem::from_answer(400, bytes);
    assert!(!problem.detail.is_empty());

    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let _ = is_request_uri(text);
    let _ = CorrelationId::from_path_segment(text);
    if let Ok(id) = text.parse::<DeliveryId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<CorrelationId>() {
        // An id survives a gateway that decodes paths, and one that does not.
        let segment = id.path_segment();
        if segment.starts_with('~') {
            assert_eq!(CorrelationId::from_path_segment(&segment), Some(id));
        }
    }
});
