use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn the_sample_of_the_contract_reads_and_writes() {
    let sample = json!({
        "status": "issue_request_created",
        "correlation_id": "89cba89",
        "revocation_uuid": "0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
    });
    let status: IssueStatus = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(status.status, Status::IssueRequestCreated);
    assert_eq!(serde_json::to_value(status).unwrap(), sample);
}

#[test]
fn only_completed_and_error_are_terminal() {
    for (name, terminal) in [
        ("issue_request_created", false),
        ("issue_completed", true),
        ("error", true),
        ("issue_request_retrieved", false),
        ("ERROR", false),
    ] {
        let status = Status::from(name);
        assert_eq!(status.is_terminal(), terminal, "{name}");
        assert_eq!(status.as_str(), name);
    }
}

#[test]
fn what_a_foreign_wallet_adds_does_no_harm() {
    let status: IssueStatus = serde_json::from_value(json!({
        "status": "on_hold",
        "correlation_id": "89cba89",
        "revocation_uuid": "",
        "last_updated": "2026-11-23T17:00:00Z",
        "stage": 7,
        "sequence": -1,
        "template_id": {"key": "x"},
        "error": null,
        "more": [],
    }))
    .unwrap();
    let expected = IssueStatus::new(
        Status::Other("on_hold".to_owned()),
        "89cba89".parse().unwrap(),
        None,
    );
    assert_eq!(status, expected);
}

#[test]
fn errors_are_understood_in_any_form() {
    for (sent, code, message) in [
        (json!("no luck"), "wallet_error", "no luck"),
        (json!({"code": "c", "message": "m"}), "c", "m"),
        (json!({"error": "c", "error_description": "m"}), "c", "m"),
        (json!({}), "wallet_error", "The wallet reported an error."),
    ] {
        let status: IssueStatus = serde_json::from_value(
            json!({"status": "error", "correlation_id": "x", "error": sent}),
        )
        .unwrap();
        assert_eq!(status.error, Some(IssueError::new(code, message)));
    }
}

#[test]
fn an_answer_that_is_none_is_refused() {
    for sent in [
        json!({"correlation_id": "x"}),
        json!({"status": "error"}),
        json!({"status": 1, "correlation_id": "x"}),
        json!({"status": {"error": null}, "correlation_id": "x"}),
        json!({"status": "error", "correlation_id": "x", "revocation_uuid": "not one"}),
        json!([]),
    ] {
        assert!(serde_json::from_value::<IssueStatus>(sent).is_err());
    }
}

prop_compose! {
    fn any_status()(
        status in "[a-z_]{1,20}|issue_completed|error",
        id in "[!-~]{3,20}",
        uuid in proptest::option::of(any::<u128>()),
        stage in proptest::option::of("[a-z_]{1,20}|token_issued"),
        last_updated in proptest::option::of(any::<i64>()),
        sequence in proptest::option::of(any::<u64>()),
        error in proptest::option::of(("[a-z]{1,5}", "\\PC{1,20}")),
    ) -> IssueStatus {
        IssueStatus {
            stage: stage.as_deref().map(Stage::from),
            template_id: Some("issue_iban".to_owned()),
            last_updated,
            sequence,
            error: error.map(|(code, message)| IssueError::new(code, message)),
            ..IssueStatus::new(status.as_str().into(), id.parse().unwrap(), uuid.map(Uuid::from_u128))
        }
    }
}

proptest! {
    #[test]
    fn a_status_is_read_as_it_was_sent_and_never_has_a_detail(status in any_status()) {
        let sent = serde_json::to_value(&status).unwrap();
        prop_assert!(sent.get("detail").is_none());
        prop_assert_eq!(serde_json::from_value::<IssueStatus>(sent).unwrap(), status);
    }
}
