//! The OpenAPI document that is served, held against the answers of the real API.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{iban, unique};
use crate::cloud;
use crate::wallet_client::WalletClient;

/// The document.
struct Document(Value);

impl Document {
    async fn fetch() -> Self {
        let backend = cloud::shared().backend();
        let url = format!("{}/openapi.json", backend.base_url);
        let answer = Answer::to(backend.http.get(url)).await.expect(200);
        assert_eq!(answer.media_type(), "application/json");
        Self(answer.body)
    }

    /// Checks that an answer of an operation is described: its status, its media type, its body.
    #[track_caller]
    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let operation = format!("/paths/{}/{method}", escape(path));
        let responses = self.resolve(&format!("{operation}/responses"));
        let status = answer.status.to_string();
        assert!(
            responses.get(&status).is_some(),
            "{method} {path}: {status} is not described"
        );
        let mut pointer = format!("{operation}/responses/{status}");
        if let Some(reference) = self.resolve(&pointer)["$ref"].as_str() {
            pointer = reference.trim_start_matches('#').to_owned();
        }
        let schema = format!("{pointer}/content/{}/schema", escape(answer.media_type()));
        self.validate(&schema, &answer.body);
    }

    /// Checks a value against the schema at a pointer into the document.
    #[track_caller]
    fn validate(&self, pointer: &str, value: &Value) {
        let mut schema = self.resolve(pointer).clone();
        // What the schema refers to.
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).expect("a JSON Schema");
        let faults: Vec<_> = validator
            .iter_errors(value)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{pointer}: {faults:?} in {value}");
    }

    #[track_caller]
    fn resolve(&self, pointer: &str) -> &Value {
        self.0
            .pointer(pointer)
            .unwrap_or_else(|| panic!("nothing at {pointer}"))
    }
}

/// One step of a JSON pointer (RFC 6901 §3).
fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

const START: &str = "/api/v2/credential/issue";
const STATUS: &str = "/api/v2/issue/{correlation_id}";
const STATUS_ALIAS: &str = "/api/v2/credential/issue/{correlation_id}";
const CREDENTIAL_STATUS: &str = "/api/v2/credential/status/{revocation_uuid}";

#[tokio::test]
async fn it_is_openapi_3_1_and_describes_every_operation_of_the_contract() {
    let document = Document::fetch().await;
    assert!(
        document
            .resolve("/openapi")
            .as_str()
            .unwrap()
            .starts_with("3.1.")
    );
    for (path, method) in [
        (START, "post"),
        (STATUS, "get"),
        (STATUS_ALIAS, "get"),
        (CREDENTIAL_STATUS, "get"),
        (CREDENTIAL_STATUS, "put"),
    ] {
        let operation = document.resolve(&format!("/paths/{}/{method}", escape(path)));
        assert!(operation["operationId"].is_string(), "{method} {path}");
        assert!(operation["summary"].is_string() || operation["description"].is_string());
        assert!(
            operation["responses"].get("401").is_some(),
            "{method} {path}"
        );
    }
    assert!(
        document
            .resolve("/components/securitySchemes")
            .as_object()
            .unwrap()
            .values()
            .any(|scheme| {
                scheme["in"] == "header"
                    && scheme["name"]
                        .as_str()
                        .unwrap()
                        .eq_ignore_ascii_case("x-api-key")
            })
    );
}

#[tokio::test]
async fn every_schema_in_it_can_be_used() {
    let document = Document::fetch().await;
    for (name, schema) in document.resolve("/components/schemas").as_object().unwrap() {
        let mut root = document.0.clone();
        root["$ref"] = json!(format!("#/components/schemas/{name}"));
        assert!(
            jsonschema::draft202012::new(&root).is_ok(),
            "{name}: {schema}"
        );
    }
}

#[tokio::test]
async fn the_contracts_sample_fits_the_request_schema() {
    let document = Document::fetch().await;
    let schema = format!(
        "/paths/{}/post/requestBody/content/application~1json/schema",
        escape(START)
    );
    let mut sample = iban("89cba89");
    sample["request_uri_base"] = json!("https://customerwallet.com");
    sample["qr_code"] = json!({
        "size": 400, "color_dark": "#000000", "color_light": "#ffffff", "padding": 16,
        "logo_size": 20, "marker_color": "#000000"
    });
    sample["callback"] =
        json!({"url": "https://backend.example/hook", "status": ["issue_completed", "error"]});
    document.validate(&schema, &sample);

    document.validate(
        &schema,
        &json!({"template_id": "t", "claims": {}, "qr_code": {}}),
    );
}

#[tokio::test]
async fn what_the_api_really_answers_is_what_it_says() {
    let document = Document::fetch().await;
    let backend = cloud::shared().backend();
    let id = unique("described");
    let mut body = iban(&id);
    body["qr_code"] = json!({});
    body["tx_code"] = json!({});
    document.check("post", START, &backend.start(&body).await.expect(201));
    let id = unique("described");
    let started = backend.start_iban(&id).await;
    document.check("post", START, &started);

    let created = backend.status(&id).await.expect(200);
    document.check("get", STATUS, &created);
    document.check("get", STATUS_ALIAS, &created);
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
    document.check("get", STATUS, &backend.status(&id).await);
    let uuid = created.str("revocation_uuid");
    document.check(
        "get",
        CREDENTIAL_STATUS,
        &backend.credential_status(uuid).await.expect(200),
    );
    document.check(
        "put",
        CREDENTIAL_STATUS,
        &backend
            .set_credential_status(uuid, "revoked")
            .await
            .expect(200),
    );
    document.check(
        "get",
        CREDENTIAL_STATUS,
        &backend.credential_status(uuid).await.expect(200),
    );

    // And the problems.
    let mut other = iban(&id);
    other["claims"]["companyname"] = json!("Another B.V.");
    document.check("post", START, &backend.start(&other).await.expect(409));
    document.check("post", START, &backend.start(&json!({})).await.expect(400));
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    document.check("post", START, &backend.start(&rejected).await.expect(422));
    let text = backend
        .request("POST", START)
        .header("content-type", "text/plain")
        .body("x");
    document.check("post", START, &Answer::to(text).await.expect(415));
    let keyless = backend
        .http
        .post(format!("{}{START}", backend.base_url))
        .json(&json!({}));
    document.check("post", START, &Answer::to(keyless).await.expect(401));
    document.check(
        "get",
        STATUS,
        &backend.status("never-started").await.expect(404),
    );
    document.check(
        "put",
        CREDENTIAL_STATUS,
        &backend
            .set_credential_status(uuid, "valid")
            .await
            .expect(409),
    );
    document.check(
        "put",
        CREDENTIAL_STATUS,
        &backend
            .set_credential_status(uuid, "eaten")
            .await
            .expect(400),
    );
    let unknown = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
    document.check(
        "get",
        CREDENTIAL_STATUS,
        &backend.credential_status(unknown).await.expect(404),
    );
}
