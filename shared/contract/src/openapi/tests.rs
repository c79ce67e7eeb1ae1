//! The document against the code: each operation, each answer, and each member of each type.

mod types;

use super::*;
use crate::{
    EventType, IssueStatus, NDJSON, PROBLEM_JSON, ProblemKind, QrCode, Scope, StartIssue,
    StartIssueAnswer, TxCode, paths,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const BASE: &str = "https://bank.example/issuer";

fn document() -> Value {
    serde_json::from_str(&openapi(BASE)).unwrap()
}

/// What is there in the document, step by step: paths of the API have slashes, which pointers escape.
fn at<'d>(document: &'d Value, steps: &[&str]) -> &'d Value {
    steps.iter().fold(document, |value, step| {
        value
            .get(step)
            .unwrap_or_else(|| panic!("openapi.json has no {step} in {steps:?}"))
    })
}

fn schema_of<'d>(document: &'d Value, name: &str) -> &'d Value {
    at(document, &["components", "schemas", name])
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn members(value: &Value) -> BTreeSet<&str> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, _)| name.as_str()).collect()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// A validator of one schema of the document (JSON Schema 2020-12, as OpenAPI 3.1 has it).
fn validator(schema: &Value) -> jsonschema::Validator {
    let root = json!({
        "allOf": [schema],
        "components": document()["components"],
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

#[test]
fn every_path_of_the_contract_is_there() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], BASE);
    let operations = operations(&document);
    let mut found: Vec<_> = operations.iter().map(|(name, _)| name.clone()).collect();
    found.sort();
    let mut expected = [
        format!("post {}", paths::START_ISSUE),
        format!("post {}", paths::START_BULK),
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
    let document = document();
    let media_types = media_types(&document);
    assert!(media_types.len() > 20, "{}", media_types.len());
    for media_type in media_types {
        assert_valid(&media_type["schema"], &media_type["example"]);
    }
    let upload = ["paths", paths::START_BULK, "post", "requestBody"];
    let results = ["paths", paths::JOB_RESULTS, "get", "responses", "200"];
    for (place, schema) in [(&upload[..], "StartIssue"), (&results[..], "JobResult")] {
        let lines = &at(&document, place)["content"][NDJSON]["example"];
        for line in lines.as_str().unwrap().lines() {
            assert_valid(&reference(schema), &serde_json::from_str(line).unwrap());
        }
    }
}

#[test]
fn the_examples_are_read_by_the_types() {
    let document = document();
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
fn every_kind_of_error_is_there_as_the_code_makes_it() {
    let document = document();
    let responses = at(&document, &["components", "responses"]);
    assert_eq!(members(responses).len(), ProblemKind::ALL.len());
    for &kind in ProblemKind::ALL {
        let response = &responses[format!("{kind:?}")];
        assert_eq!(
            response["description"],
            format!("{}.", kind.title()),
            "{kind:?}"
        );
        let answer = &response["content"][PROBLEM_JSON];
        assert_eq!(answer["schema"], reference("Problem"));
        assert_eq!(answer["example"], json!(types::problem(kind)), "{kind:?}");
        let may_come_again = matches!(
            kind,
            ProblemKind::Conflict
                | ProblemKind::TooManyRequests
                | ProblemKind::Unavailable
                | ProblemKind::WalletTimeout
        );
        let header = response.pointer("/headers/Retry-After");
        assert_eq!(header.is_some(), may_come_again, "{kind:?}");
    }
}

#[test]
fn every_error_answer_is_a_problem_of_its_status() {
    let document = document();
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
    let document = document();
    let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"];
    let scopes = Scope::ALL.iter().map(|scope| scope.as_str());
    assert_eq!(members(&flow["scopes"]), scopes.collect());
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
    let text = openapi(BASE);
    for leak in ["[`", "::", "TODO"] {
        assert!(!text.contains(leak), "{leak}");
    }
}

#[test]
fn every_type_has_the_members_that_the_document_says() {
    let document = document();
    let types = types::all();
    for described in &types {
        let name = described.schema;
        let schema = schema_of(&document, name);
        let properties = members(&schema["properties"]);
        let fields: BTreeSet<_> = described.fields.iter().copied().collect();
        assert_eq!(
            properties, fields,
            "left: the properties of {name} in openapi.json; right: the fields of the type. A field is \
             written into both by hand"
        );
        assert_eq!(
            members(&described.full),
            fields,
            "give each field of {name} a value in openapi/tests/types.rs"
        );
        // What has a default need not be sent to Bestow, but Bestow sends it.
        let optional = |name: &&str| schema["properties"][name].get("default").is_some();
        let always: BTreeSet<_> = members(&described.least)
            .into_iter()
            .filter(|name| !optional(name))
            .collect();
        assert_eq!(
            texts(&schema["required"]),
            always,
            "left: what {name} requires in openapi.json; right: the fields that are always there"
        );
        assert_valid(&reference(name), &described.full);
        assert_valid(&reference(name), &described.least);
    }
    let described: BTreeSet<_> = types.iter().map(|described| described.schema).collect();
    let schemas = schema_objects(&document);
    assert_eq!(
        schemas, described,
        "every object of the document has a type"
    );
}

fn schema_objects(document: &Value) -> BTreeSet<&str> {
    let schemas = at(document, &["components", "schemas"]);
    let is_object = |name: &&str| schemas[name].get("properties").is_some();
    members(schemas).into_iter().filter(is_object).collect()
}

#[test]
fn what_is_asked_for_is_read_with_every_member() {
    for described in types::requests() {
        let body = described.full.to_string();
        let read = match described.schema {
            "StartIssue" => json!(StartIssue::from_json(body.as_bytes()).unwrap()),
            "CredentialStatusChange" => {
                json!(crate::CredentialStatusChange::from_json(body.as_bytes()).unwrap())
            }
            // Parts of the first.
            part => {
                let member = match part {
                    "QrCode" => "qr_code",
                    "TxCode" => "tx_code",
                    _ => "callback",
                };
                let body = json!({"template_id": "t", "claims": {}, member: described.full});
                let read = StartIssue::from_json(body.to_string().as_bytes()).unwrap();
                json!(read)[member].clone()
            }
        };
        assert_eq!(read, described.full, "{}", described.schema);
    }
}

#[test]
fn every_name_of_an_enumeration_is_there() {
    let document = document();
    for (place, names) in types::enumerations() {
        let (schema, keyword) = place.split_once('/').unwrap();
        assert_eq!(schema_of(&document, schema)[keyword], names, "{place}");
    }
    let schemas: Vec<_> = EventType::ALL
        .iter()
        .map(|event_type| format!("{event_type}.schema.json"))
        .collect();
    let parameter = &at(
        &document,
        &["paths", paths::EVENT_SCHEMA, "get", "parameters"],
    )[0];
    assert_eq!(parameter["schema"]["enum"], json!(schemas));
}

#[test]
fn limits_and_defaults_are_those_of_the_code() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let batch = at(&document, &["paths", paths::START_BULK, "post"]);
    let json_array = &batch["requestBody"]["content"]["application/json"]["schema"];
    for (found, limit) in [
        (
            &schemas["CorrelationId"]["maxLength"],
            crate::CorrelationId::MAX_BYTES,
        ),
        (
            &schemas["RequestUriBase"]["maxLength"],
            crate::RequestUriBase::MAX_BYTES,
        ),
        (
            &schemas["Callback"]["properties"]["url"]["maxLength"],
            crate::Callback::MAX_URL_BYTES,
        ),
        (
            &schemas["TxCode"]["properties"]["description"]["maxLength"],
            TxCode::MAX_DESCRIPTION_CHARS,
        ),
        (
            &schemas["CredentialStatusChange"]["properties"]["reason"]["maxLength"],
            crate::CredentialStatusChange::MAX_REASON_BYTES,
        ),
        (
            &batch["parameters"][0]["schema"]["maxLength"],
            crate::MAX_IDEMPOTENCY_KEY_BYTES,
        ),
        (&json_array["maxItems"], crate::MAX_UPLOAD_LINES),
    ] {
        assert_eq!(*found, json!(limit));
    }
    let description = batch["description"].as_str().unwrap();
    for limit in [crate::MAX_UPLOAD_LINES, crate::MAX_UPLOAD_BYTES] {
        assert!(description.contains(&limit.to_string()), "{limit}");
    }
    for (name, defaults) in [
        ("QrCode", json!(QrCode::default())),
        ("TxCode", json!(TxCode::default())),
    ] {
        for (member, value) in defaults.as_object().unwrap() {
            let property = &schemas[name]["properties"][member];
            assert_eq!(property["default"], *value, "{name}.{member}");
        }
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
