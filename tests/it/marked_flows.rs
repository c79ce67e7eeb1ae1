//! The flows and faults of an issuance, with a marked value wherever a value can come from.

use bestow_access::{KeyRecord, Scope};
use serde_json::{Value, json};

use crate::access_keys::{AccessKeys, with_key};
use crate::answer::Answer;
use crate::backend::{PATIENCE, unique};
use crate::eventually::eventually;
use crate::job::{Job, NDJSON, upload};
use crate::marked_stage::Stage;
use crate::marks::Place;
use crate::receiver::status;
use crate::tables::offer_of;
use crate::wallet_client::{Offer, Taken, WalletClient, offer_uri};

/// A claim's value: no two are alike, and none is like anything else. With letters that encodings differ in.
pub fn claim(name: &str) -> String {
    format!(
        "Zoë \"{name}\" & Søns/Marked{}Xq7Lf0Wz",
        name.replace(['_', ' '], "")
    )
}

/// A Start issue for each template, every claim that can be free text marked, also in arrays and objects.
pub fn marked_starts() -> Vec<Value> {
    vec![
        json!({
            "template_id": "issue_iban",
            "claims": {
                "companyname": claim("companyname"), "iban": "NL47MARK0000471147114711",
                "currency": "EUR", "bic": "MARKNL2AXQZ", "acccount_type": claim("account type"),
            },
        }),
        json!({
            "template_id": "employee_badge",
            "claims": {
                "employer": claim("employer"), "employee_number": "Marked-Number-4711Xq7Lf0Wz",
                "given_name": claim("given_name"), "family_name": claim("family_name"),
                "email": "marked.Xq7Lf0Wz@mail.example", "job_title": claim("job title"),
                "department": claim("department"), "location": claim("location"),
                "access_areas": [claim("first area"), claim("second area")],
            },
        }),
        json!({
            "template_id": "company_registration",
            "claims": {
                "legal_name": claim("legal_name"), "trade_names": [claim("trade name")],
                "legal_form": claim("legal_form"), "registration_number": "MARKED4711XQ7LF0WZ",
                "register": claim("register"), "registration_status": "active",
                "registered_address": {
                    "street_address": claim("street"), "postal_code": "Marked4711XQ7LF",
                    "locality": claim("locality"), "region": claim("region"), "country": "NL",
                },
                "representatives": [
                    {"name": claim("representative"), "role": claim("role"), "authority": "sole"},
                ],
            },
        }),
    ]
}

/// Starts an issuance whose every value is marked, and gives the answer.
pub async fn start(stage: &mut Stage, name: &str, body: &Value) -> (String, Answer) {
    let id = unique(name);
    let mut body = body.clone();
    let template = body["template_id"].as_str().expect("a template").to_owned();
    stage.marks.add_strings(&template, &body["claims"]);
    body["correlation_id"] = json!(id);
    body["qr_code"] = json!({});
    // The query is the receiver's key to itself.
    let callback = format!("{}?key=MarkedCallbackKey{id}Hz9Uy3Wj", stage.receiver.url);
    body["callback"] = json!({"url": callback});
    body["request_uri_base"] = json!(format!("https://customer.example/?session=7"));
    let started = stage.backend.start(&body).await.expect(201);
    // The link is kept, because a repeat gets the same answer.
    let link = offer_uri(started.str("request_uri"));
    let (_, offer_id) = link.rsplit_once('/').expect("a path");
    stage
        .marks
        .add_meant_for(&[Place::Table], "the offer's link", offer_id);
    // So is where the wallet calls back, with whom it was told.
    let offer = offer_of(&stage.processes.running, &id).await;
    if let Some(callback) = offer["callback"]["M"]["url"]["S"].as_str() {
        let (base, token) = callback.rsplit_once('/').expect("a path");
        stage
            .marks
            .add_meant_for(&[Place::Table], "a callback token", token);
        let forged = format!("{base}/forged");
        let http = &stage.backend.http;
        for (address, status) in [(callback, 202), (&forged, 404)] {
            let body = "MarkedCallbackBodyXq7Lf0Wz";
            assert_eq!(
                Answer::to(http.post(address).body(body)).await.status,
                status
            );
        }
    }
    if let Some(tx_code) = started.body["tx_code"].as_str() {
        stage.marks.add("a transaction code", tx_code);
    }

    let again = stage.backend.start(&body).await.expect(201);
    assert_eq!(again.body, started.body);
    let mut other = body.clone();
    other["claims"]["currency"] = json!("USD");
    other["claims"]["extra"] = json!(claim("conflicting claim"));
    let refused = stage.backend.start(&other).await;
    assert!([409, 422].contains(&refused.status), "{}", refused.text());
    (id, started)
}

/// Fetches the offer twice, as wallets do, and marks its code.
pub async fn read_offer(stage: &mut Stage, wallet: &WalletClient, started: &Answer) -> Offer {
    wallet.read_offer(started.str("request_uri")).await;
    let offer = wallet.read_offer(started.str("request_uri")).await;
    stage.marks.add("a pre-authorized code", &offer.code);
    offer
}

/// Every wrong way to a token, then the right one.
pub async fn token(
    stage: &mut Stage,
    wallet: &WalletClient,
    offer: &Offer,
    tx_code: Option<&str>,
) -> String {
    let marked = "MarkedWrongCodeXq7Lf0Wz";
    let grant = (
        "grant_type",
        "urn:ietf:params:oauth:grant-type:pre-authorized_code",
    );
    for form in [
        vec![grant, ("pre-authorized_code", marked)],
        vec![
            grant,
            ("pre-authorized_code", offer.code.as_str()),
            ("tx_code", marked),
        ],
        vec![
            ("grant_type", marked),
            ("pre-authorized_code", offer.code.as_str()),
        ],
        vec![
            grant,
            ("pre-authorized_code", offer.code.as_str()),
            ("authorization_details", marked),
        ],
        vec![
            grant,
            ("pre-authorized_code", offer.code.as_str()),
            ("pre-authorized_code", marked),
        ],
    ] {
        let refused = wallet.token_form(offer, &form).await;
        assert!(refused.status >= 400, "{form:?}: {}", refused.text());
    }
    let as_json = wallet
        .http
        .post(&offer.token_endpoint)
        .json(&json!({"pre-authorized_code": offer.code}));
    assert!(Answer::to(as_json).await.status >= 400);
    let answer = wallet.token(offer, tx_code).await.expect(200);
    let access_token = answer.str("access_token").to_owned();
    stage.marks.add("an access token", &access_token);
    stage
        .marks
        .add("a c_nonce of a token", answer.str("c_nonce"));
    wallet.token(offer, tx_code).await.expect(400);
    access_token
}

/// Every wrong way to the credential, then the right one, twice.
pub async fn credential(
    stage: &mut Stage,
    wallet: &WalletClient,
    offer: Offer,
    token: String,
) -> Taken {
    let good = wallet.proof(&offer).await;
    stage
        .marks
        .add("a c_nonce", good.claims["nonce"].as_str().expect("a nonce"));
    let proof = good.sign(&wallet.key);
    stage.marks.add_token_parts("a key proof", &proof);
    let with_marks = [
        json!({"credential_configuration_id": offer.configuration_id, "proofs": {"jwt": ["MarkedProofXq7Lf0Wz.a.b"]}}),
        json!({"credential_configuration_id": "MarkedConfigurationXq7Lf0Wz", "proofs": {"jwt": [proof]}}),
        json!({"credential_identifier": "MarkedIdentifierXq7Lf0Wz", "proofs": {"jwt": [proof]}}),
        json!({"credential_configuration_id": offer.configuration_id, "proofs": {"jwt": [format!("{proof}x")]}}),
        json!({"credential_configuration_id": offer.configuration_id}),
        json!({"format": "MarkedFormatXq7Lf0Wz", "vct": "MarkedTypeXq7Lf0Wz"}),
        json!({"credential_configuration_id": offer.configuration_id, "proofs": {"jwt": [proof]},
            "credential_response_encryption": {"jwk": {"k": "MarkedKeyXq7Lf0Wz"}}}),
    ];
    for body in &with_marks {
        let refused = wallet.credential_request(&offer, &token, body).await;
        assert!(refused.status >= 400, "{body}: {}", refused.text());
    }
    for bearer in [
        "MarkedBearerTokenXq7Lf0Wz",
        &format!("{token}x"),
        &offer.code,
    ] {
        let refused = wallet.credential(&offer, bearer, &proof).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
    }
    let malformed = wallet
        .http
        .post(&offer.credential_endpoint)
        .bearer_auth(&token);
    let malformed = malformed.header("content-type", "application/json");
    let malformed = malformed.body(r#"{"proofs": {"jwt": ["MarkedMalformedXq7Lf0Wz""#);
    Answer::to(malformed).await.expect(400);

    let taken = wallet.take_with_token(offer, token).await;
    let again = wallet.proof(&taken.offer).await.sign(&wallet.key);
    let again = wallet
        .credential(&taken.offer, &taken.access_token, &again)
        .await
        .expect(200);
    for credential in [
        &taken.credential,
        again.body["credentials"][0]["credential"]
            .as_str()
            .expect("one"),
    ] {
        stage.marks.add_token_parts("a credential", credential);
    }
    let notification_id = taken.notification_id.clone().expect("one");
    stage.marks.add("a notification id", &notification_id);
    taken
}

/// Every wrong way to report, then the reports.
pub async fn notify(wallet: &WalletClient, taken: &Taken, events: &[&str]) {
    let post = async |body: &str| {
        let request = wallet.http.post(&taken.offer.notification_endpoint);
        let request = request.header("content-type", "application/json");
        Answer::to(
            request
                .bearer_auth(&taken.access_token)
                .body(body.to_owned()),
        )
        .await
    };
    for body in [
        r#"{"notification_id": "MarkedNotificationXq7Lf0Wz", "event": "credential_accepted"}"#
            .to_owned(),
        json!({"notification_id": taken.notification_id, "event": "MarkedEventXq7Lf0Wz"})
            .to_string(),
        r#"{"notification_id": "MarkedNotificationXq7Lf0Wz"#.to_owned(),
    ] {
        assert_eq!(post(&body).await.status, 400, "{body}");
    }
    for event in events {
        let body = json!({
            "notification_id": taken.notification_id, "event": event,
            "event_description": "MarkedDescriptionXq7Lf0Wz of the customer",
        });
        assert_eq!(post(&body.to_string()).await.status, 204);
    }
}

/// Starts that are refused, for what is in them or who sends them.
pub async fn refused_starts(stage: &Stage) {
    let backend = &stage.backend;
    for (status, body) in [
        (
            404,
            json!({"template_id": "unknown-template", "claims": {"x": claim("unknown template")}}),
        ),
        (400, json!({"claims": {"x": claim("no template")}})),
        (
            400,
            json!({"template_id": "issue_iban", "claims": "MarkedClaimsAsTextXq7Lf0Wz"}),
        ),
        (
            422,
            json!({"template_id": "issue_iban", "claims": {"iban": claim("no IBAN"),
            "companyname": ["MarkedArrayXq7Lf0Wz"], "currency": {"Marked": "MarkedObjectXq7Lf0Wz"}}}),
        ),
        (
            400,
            json!({"template_id": "issue_iban", "claims": {}, "request_uri_base": "javascript:MarkedScriptXq7Lf0Wz"}),
        ),
        (
            400,
            json!({"template_id": "issue_iban", "claims": {}, "qr_code": {"logo_uri": "data:image/png;base64,TWFya2VkTG9nb1hxN0xmMFd6"}}),
        ),
        (
            400,
            json!({"template_id": "issue_iban", "claims": {}, "qr_code": {"color_dark": "MarkedColorXq7Lf0Wz"}}),
        ),
        (
            400,
            json!({"template_id": "issue_iban", "claims": {}, "callback": {"url": "ftp://user:MarkedPasswordXq7Lf0Wz@callback.example/MarkedPathXq7Lf0Wz?token=MarkedQueryXq7Lf0Wz"}}),
        ),
        (
            400,
            json!({"template_id": "issue_iban", "claims": {}, "tx_code": {"length": "MarkedLengthXq7Lf0Wz"}}),
        ),
    ] {
        let refused = backend.start(&body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text());
    }
    let post = |body: Vec<u8>| {
        let request = backend.request("POST", "/api/v2/credential/issue");
        request
            .header("content-type", "application/json")
            .body(body)
    };
    let truncated = br#"{"template_id": "issue_iban", "claims": {"iban": "MarkedTruncatedXq7Lf0Wz"#;
    Answer::to(post(truncated.to_vec()))
        .await
        .expect_problem(400);
    let too_large = format!(
        "{{\"claims\": \"{}\"}}",
        "MarkedTooLargeXq7Lf0Wz".repeat(100_000)
    );
    Answer::to(post(too_large.into_bytes()))
        .await
        .expect_problem(413);
    Answer::to(post(b"MarkedNoJsonXq7Lf0Wz \xff\xfe".to_vec()))
        .await
        .expect_problem(400);
    let as_text = backend
        .request("POST", "/api/v2/credential/issue")
        .body("MarkedTextXq7Lf0Wz");
    Answer::to(as_text).await.expect_problem(415);

    for (header, value) in [
        ("x-api-key", "MarkedUnknownKeyXq7Lf0Wz"),
        ("authorization", "Bearer MarkedUnknownTokenXq7Lf0Wz"),
        (
            "authorization",
            "Bearer eyJhbGciOiJub25lIn0.TWFya2VkVW5zaWduZWRYcTdMZjBXeg.TWFya2VkU2lnblhxN0xmMFd6",
        ),
        (
            "authorization",
            "Basic TWFya2VkVXNlcjpNYXJrZWRQYXNzd29yZFhxN0xmMFd6",
        ),
    ] {
        let request = backend.http.post(format!(
            "{}/api/v2/credential/issue?key=MarkedInQueryXq7Lf0Wz",
            backend.base_url
        ));
        let request = request.header(header, value).json(&marked_starts()[0]);
        let refused = Answer::to(request).await;
        let is_refused = [401, 403, 429].contains(&refused.status);
        assert!(is_refused, "{header}: {value}: {}", refused.text());
    }
}

/// Every change of a credential's status, and what is no change.
pub async fn revoke(stage: &Stage, uuid: &str) {
    let path = format!("/api/v2/credential/status/{uuid}");
    let put = async |body: &Value| Answer::to(stage.backend.request("PUT", &path).json(body)).await;
    put(&json!({"status": "MarkedStatusXq7Lf0Wz", "reason": "MarkedReasonXq7Lf0Wz"}))
        .await
        .expect_problem(400);
    for status in ["suspended", "valid", "revoked"] {
        put(&json!({"status": status, "reason": "Asked for at the desk, MarkedReasonPv5Ks9Hd"}))
            .await
            .expect(200);
    }
    put(&json!({"status": "valid"})).await.expect_problem(409);
    stage.backend.credential_status(uuid).await.expect(200);
}

/// A key with one scope, which is not enough, and one that is over.
pub async fn keys(stage: &mut Stage) {
    let keys = AccessKeys::of(&stage.processes.running);
    let (_, narrow) = keys.give([Scope::DeliveryRead]).await;
    let over = |record: &mut KeyRecord| record.valid_until = Some(jiff::Timestamp::UNIX_EPOCH);
    let (_, over) = keys.give_changed([Scope::IssueWrite], over).await;
    for (key, status) in [(narrow, 403), (over, 401)] {
        stage.marks.add("an API key", &key);
        let refused = with_key(&stage.backend, &key)
            .start(&marked_starts()[0])
            .await;
        refused.expect_problem(status);
    }
}

/// An upload with good lines, bad ones and one that is none; then starts from a pipeline.
pub async fn bulk(stage: &mut Stage, in_pipeline: &str) {
    let mut lines = marked_starts();
    for line in &mut lines {
        line["correlation_id"] = json!(unique("bulk"));
        stage.marks.add_strings("a line's claims", &line["claims"]);
    }
    let mut refused = lines[0].clone();
    refused["correlation_id"] = json!(unique("bulk-refused"));
    refused["claims"]["iban"] = json!(claim("refused line"));
    lines.push(refused);
    lines.push(json!({"claims": claim("malformed line")}));
    let job = Job::start(&stage.backend, &lines).await;
    assert_eq!(job.finished().await["failed"], 2);
    job.results().await;
    let malformed = format!("{{\"claims\": \"{}", claim("truncated line"));
    upload(&stage.backend, NDJSON, malformed).await;
    upload(&stage.backend, "text/plain", claim("text")).await;

    for iban in ["NL47MARK0000471147114712", "no IBAN"] {
        let mut start = marked_starts().remove(0);
        let id = unique("pipeline");
        start["correlation_id"] = json!(id);
        start["claims"] = json!({
            "companyname": format!("Marked{in_pipeline}"), "iban": iban, "currency": "EUR",
        });
        stage.queues().send_start(&start.to_string()).await;
        if iban.starts_with("NL") {
            eventually("the pipeline's start is taken up", PATIENCE, async || {
                (stage.backend.status(&id).await.status == 200).then_some(())
            })
            .await;
        }
    }
    let malformed = format!("{{\"claims\": \"Marked{in_pipeline}");
    stage.queues().send_start(&malformed).await;
}

/// A receiver that fails, hangs up for good, and is sent a delivery once more.
pub async fn deliveries(stage: &mut Stage) {
    stage.receiver.answers([status(500), status(302)]);
    let (id, started) = start(stage, "delivered", &marked_starts()[0]).await;
    let wallet = WalletClient::new();
    let offer = read_offer(stage, &wallet, &started).await;
    let token = token(stage, &wallet, &offer, None).await;
    credential(stage, &wallet, offer, token).await;
    stage.backend.until_status(&id, "issue_completed").await;
    stage.receiver.until_status("issue_completed").await;
    stage.receiver.answers([status(410)]);
    let deliveries = stage.backend.deliveries(&id).await.expect(200);
    for delivery in deliveries.body["deliveries"].as_array().expect("a list") {
        stage
            .backend
            .replay(delivery["id"].as_str().expect("an id"))
            .await;
    }
    stage.backend.replay("no-delivery").await;
}
