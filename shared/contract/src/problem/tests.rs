use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn the_body_has_what_the_contract_lists() {
    let problem = Problem::claims_rejected(vec![
        FieldError::new("/claims/iban", "is missing: the template requires it"),
        FieldError::new("/claims/bic", "is a number: give a string"),
    ])
    .with_instance("/api/v2/credential/issue")
    .with_retry_after_seconds(3);
    let detail = "/claims/iban is missing: the template requires it. \
                  One more fault is in `errors`.";
    assert_eq!(
        serde_json::to_value(problem).unwrap(),
        json!({
            "type": "urn:problem-type:bestow:claims-rejected",
            "title": "The template rejects the claims",
            "status": 422,
            "detail": detail,
            "instance": "/api/v2/credential/issue",
            "message": detail,
            "errors": [
                {"pointer": "/claims/iban", "reason": "is missing: the template requires it"},
                {"pointer": "/claims/bic", "reason": "is a number: give a string"},
            ],
        })
    );
}

#[test]
fn each_kind_has_its_own_status_and_type() {
    for &kind in ProblemKind::ALL {
        assert_eq!(ProblemKind::from_status(kind.status()), Some(kind));
        let same_type = ProblemKind::ALL
            .iter()
            .filter(|other| other.type_uri() == kind.type_uri());
        assert_eq!(same_type.count(), 1, "{kind:?}");
    }
}

#[test]
fn a_problem_that_was_sent_is_read_back() {
    let problem = Problem::invalid_body(vec![FieldError::new("", "is not an object: send one")])
        .with_instance("/api/v2/credential/issue");
    let body = serde_json::to_vec(&problem).unwrap();
    assert_eq!(Problem::from_answer(400, &body), problem);
    assert_eq!(serde_json::from_slice::<Problem>(&body).unwrap(), problem);
}

#[test]
fn answers_of_foreign_wallets_are_understood() {
    for (body, detail) in [
        (r#"{"message": "no such template"}"#, "no such template"),
        (r#"{"error": "invalid_request"}"#, "invalid_request"),
        (
            r#"{"error": "invalid_request", "error_description": "no template"}"#,
            "no template",
        ),
        (r#"{"detail": 7, "message": "seven"}"#, "seven"),
        ("<html>Not Found</html>", "Not found"),
        ("", "Not found"),
        ("[1]", "Not found"),
    ] {
        let problem = Problem::from_answer(404, body.as_bytes());
        assert_eq!((problem.status, problem.detail.as_str()), (404, detail));
        assert_eq!(problem.type_uri, "about:blank");
    }
}

#[test]
fn a_wallets_texts_are_bounded_and_printable() {
    let body = json!({
        "detail": format!("line\r\nSet-Cookie: {}", "x".repeat(10_000)),
        "errors": vec![json!({"pointer": "/claims", "detail": "no"}); 1_000],
    });
    let problem = Problem::from_answer(422, body.to_string().as_bytes());
    assert_eq!(problem.detail.chars().count(), 500);
    assert!(!problem.detail.contains(['\r', '\n']));
    assert_eq!(problem.errors.len(), 50);
    assert_eq!(problem.errors[0], FieldError::new("/claims", "no"));
}

proptest! {
    #[test]
    fn any_answer_becomes_a_problem_with_a_detail(
        status in 400u16..600,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let problem = Problem::from_answer(status, &body);
        let sent = serde_json::to_value(&problem).unwrap();
        prop_assert_eq!(&sent["status"], &Value::from(status));
        prop_assert_eq!(&sent["message"], &sent["detail"]);
        prop_assert!(sent["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}
