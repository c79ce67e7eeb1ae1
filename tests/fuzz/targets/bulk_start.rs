//! Start issue in bulk: an upload as NDJSON or as an array, and what a pipeline puts on the start queue.

#![no_main]

use bestow_clock::OperatingSystem;
use bestow_contract::MAX_UPLOAD_LINES;
use bestow_jobs::{StartMessage, Upload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for upload in [
        Upload::from_ndjson(body, |_| Ok(()), &OperatingSystem),
        Upload::from_array(body, |_| Ok(()), &OperatingSystem),
    ] {
        match upload {
            Ok(upload) => assert!((1..=MAX_UPLOAD_LINES).contains(&upload.lines.len())),
            Err(problem) => assert!(!problem.detail.is_empty()),
        }
    }
    let Ok(message) = StartMessage::read(body, |_| Ok(())) else {
        return;
    };
    // What is put on the queue again is the same message when it comes back.
    let written = serde_json::to_string(&message).expect("a message can be written");
    let again = StartMessage::read(written.as_bytes(), |_| Ok(())).expect("it can be read again");
    assert_eq!(serde_json::to_string(&again).expect("again"), written);
});
