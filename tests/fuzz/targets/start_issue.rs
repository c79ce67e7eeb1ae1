//! Start issue as a caller sends it, with the logo of its QR code: an image of anybody's making.

#![no_main]

use bestow_contract::{StartIssue, request_uri};
use libfuzzer_sys::fuzz_target;
use bestow_qr_code::Design;

fuzz_target!(|body: &[u8]| {
    let Ok((start, design)) = StartIssue::from_json_with(body, Design::new, |_| Ok(())) else {
        return;
    };
    // What was understood can be written, and means the same when it is read again.
    let written = serde_json::to_vec(&start).expect("a request can be written");
    let read = StartIssue::from_json(&written).expect("what was written can be read");
    assert_eq!(read.canonical_json(), start.canonical_json());
    if let Some(design) = design {
        let link = request_uri(
            start.request_uri_base.as_ref(),
            "https://issuer.example/offers/x",
        );
        let _ = design.draw(&link);
    }
});
