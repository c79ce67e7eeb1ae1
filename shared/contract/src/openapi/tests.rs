//! The document against the types that it was made of, and against the committed copy.

use super::*;
use crate::{CorrelationId, Fault, ProblemKind, QrCode, Scope, Stage, paths};
use proptest::prelude::*;
use serde_json::{Map, json};
use std::path::Path;

const BASE: &str = "https://issuer.example";

/// A validator of one schema of the document (JSON Schema 2020-12, as OpenAPI 3.1 has it).
fn validator(schema: &Value) -> jsonschema::Validator {
    let root = json!({
        "allOf": [schema],
        "components": openapi(BASE)["components"],
    });
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(&root)
        .unwrap()
}

fn assert_valid(schema: &Value, value: &Value) {
    let validator = validator(schema);
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}");
}

/// Every `{"schema": …, "example": …}` in the document.
fn media_types(value: &Value) -> Vec<&Map<String, Value>> {
    let inner: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let mut found: Vec<_> = inner.into_iter().flat_map(media_types).collect();
    if let Value::Object(members) = value
        && members.contains_key("example")
        && members.contains_key("schema")
    {
        found.push(members);
    }
    found
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// The copy is for reviewers and for client generators. `UPDATE_OPENAPI=1` writes it anew.
#[test]
fn the_committed_copy_is_this_document() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut document = openapi(BASE);
    document.sort_all_objects();
    let document = format!("{document:#}\n");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == document,
        "openapi.json is out of date: run `UPDATE_OPENAPI=1 cargo test -p contract`, then look at \
         what changed for clients"
    );
}

#[test]
fn every_path_of_the_contract_is_there() {
    let document = openapi(BASE);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], BASE);
    let operations = operations(&document);
    let mut found: Vec<_> = operations.iter().map(|(name, _)| name.clone()).collect();
    found.sort();
    let mut expected = [
        format!("post {}", paths::START_ISSUE),
        format!("post {}", paths::START_BATCH),
        format!("get {}", paths::JOB_STATUS),
        format!("get {}", paths::JOB_RESULTS),
        format!("get {}", paths::ISSUE_STATUS),
        format!("get {}", paths::ISSUE_STATUS_ALIAS),
        format!("get {}", paths::CREDENTIAL_STATUS),
        format!("put {}", paths::CREDENTIAL_STATUS),
        format!("post {}", paths::WALLET_CALLBACK),
        format!("get {}", paths::DELIVERIES),
        format!("post {}", paths::REPLAY_DELIVERY),
        format!("get {}", paths::OPENAPI),
        format!("get {}", paths::EVENT_SCHEMA),
    ];
    expected.sort();
    assert_eq!(found, expected);

    let mut ids: Vec<_> = operations
        .iter()
        .map(|(_, op)| op["operationId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(
        ids.len(),
        expected.len(),
        "operation ids are there and unique: {ids:?}"
    );
}

#[test]
fn every_example_fits_its_schema() {
    let document = openapi(BASE);
    let media_types = media_types(&document);
    assert!(media_types.len() > 20, "{}", media_types.len());
    for media_type in media_types {
        assert_valid(&media_type["schema"], &media_type["example"]);
    }
}

#[test]
fn the_examples_are_read_by_the_types() {
    let document = openapi(BASE);
    let content = |pointer: &str| {
        let pointer = format!("{pointer}/content/application~1json/example");
        document.pointer(&pointer).unwrap().clone()
    };
    let post = "/paths/~1api~1v2~1credential~1issue/post";
    let body = content(&format!("{post}/requestBody")).to_string();
    assert!(StartIssue::from_json(body.as_bytes()).is_ok());
    let answer = content(&format!("{post}/responses/201"));
    let read: StartIssueAnswer = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), answer);
    let status = content("/paths/~1api~1v2~1issue~1{correlation_id}/get/responses/200");
    let read: IssueStatus = serde_json::from_value(status.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), status);
}

#[test]
fn every_error_answer_is_a_problem_of_its_status() {
    let document = openapi(BASE);
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(reference) = response.get("$ref") else {
                assert!(status.starts_with('2'), "{name} {status}");
                continue;
            };
            let pointer = reference.as_str().unwrap().trim_start_matches('#');
            let response = document.pointer(pointer).unwrap();
            let example = &response["content"]["application/problem+json"]["example"];
            assert_eq!(example["status"].to_string(), *status, "{name}");
            assert_eq!(example["detail"], example["message"], "{name}");
        }
        let secured = operation.get("security") != Some(&json!([{}]));
        let described = |status: &str| operation["responses"].get(status).is_some();
        for status in ["401", "403"] {
            assert_eq!(secured, described(status), "{name} {status}");
        }
        // Others may be called too often as well.
        assert!(!secured || described("429"), "{name}");
    }
}

#[test]
fn every_operation_that_needs_credentials_names_its_scope() {
    let document = openapi(BASE);
    let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"];
    assert_eq!(flow["scopes"].as_object().unwrap().len(), Scope::ALL.len());
    for (name, operation) in operations(&document) {
        let security = operation["security"].as_array().unwrap();
        if *security == [json!({})] {
            continue;
        }
        assert_eq!(security[0], json!({"apiKey": []}), "{name}");
        let [scope] = &security[1]["oauth2"].as_array().unwrap()[..] else {
            panic!("{name}: {security:?}");
        };
        assert!(
            flow["scopes"].get(scope.as_str().unwrap()).is_some(),
            "{name}"
        );
    }
}

#[test]
fn the_text_is_for_callers() {
    // Intra-doc links and module paths are for readers of the code.
    let text = openapi(BASE).to_string();
    for leak in ["[`", "::", "TODO"] {
        assert!(!text.contains(leak), "{leak}");
    }
}

#[test]
fn problems_of_every_kind_fit_the_schema() {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    for kind in ProblemKind::ALL {
        let problem = Problem::new(kind, "It did not work.")
            .with_errors(vec![Fault::new("", "is wrong")])
            .with_instance("/api/v2/issue/a%20b");
        assert_valid(&schema, &json!(problem));
    }
}

#[test]
fn what_is_sent_fits_the_schemas() {
    let start = StartIssue {
        correlation_id: Some("89cba89".parse::<CorrelationId>().unwrap()),
        template_id: "issue_iban".to_owned(),
        claims: crate::Claims::default(),
        request_uri_base: Some("mywallet://".parse().unwrap()),
        qr_code: Some(QrCode::default()),
        callback: None,
        tx_code: Some(crate::TxCode::default()),
    };
    assert_valid(
        &json!({"$ref": "#/components/schemas/StartIssue"}),
        &json!(start),
    );
    let schema = json!({"$ref": "#/components/schemas/IssueStatus"});
    for stage in Stage::KNOWN {
        let status = IssueStatus {
            stage: Some(stage.clone()),
            error: Some(crate::IssueError::new("expired", "The offer ran out.")),
            ..IssueStatus::new(crate::Status::Error, "89cba89".parse().unwrap(), None)
        };
        assert_valid(&schema, &json!(status));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What the schema takes, the code takes: no limit is hidden from clients. (The code takes more,
    /// and judges colours, which a schema cannot.)
    #[test]
    fn what_the_schema_takes_is_taken(
        size in 0u32..3000,
        padding in 0u32..40,
        logo_size in 0u32..40,
        length in 0u32..20,
        input_mode in "numeric|text|morse",
        template_id in "[a-z]{0,130}",
        color in "#([0-3]{2,7})",
    ) {
        let body = json!({
            "template_id": template_id,
            "claims": {},
            "qr_code": {"size": size, "padding": padding.min(size / 4), "logo_size": logo_size,
                        "color_dark": color},
            "tx_code": {"length": length, "input_mode": input_mode},
        });
        let schema = json!({"$ref": "#/components/schemas/StartIssue"});
        let taken = StartIssue::from_json(body.to_string().as_bytes());
        prop_assert_eq!(validator(&schema).is_valid(&body), taken.is_ok(), "{:?}", taken);
    }
}
