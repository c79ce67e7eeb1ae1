//! What anyone may fetch from the issuer (N35 to N38 of the issuer's checklist): metadata, nonces, offers,
//! notifications; and cross-origin access for wallets that are web pages.

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::unique;
use crate::cloud::{self, Cloud};
use crate::wallet_client::{WalletClient, offer_uri};

const DOCUMENTS: [&str; 6] = [
    "/.well-known/openid-credential-issuer",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/jwt-vc-issuer",
    "/.well-known/did.json",
    "/wallet/jwks",
];

#[tokio::test]
async fn documents_are_the_same_whatever_is_asked_for_and_under_whatever_name() {
    let backend = cloud::shared().backend();
    for path in DOCUMENTS {
        let url = format!("{}{path}", backend.base_url);
        let plain = Answer::to(backend.http.get(&url)).await.expect(200);
        let media_type = plain.media_type().to_owned();
        assert!(
            media_type.starts_with("application/") && media_type.ends_with("json"),
            "{media_type}"
        );
        for (name, value) in [
            ("accept", "*/*"),
            ("accept", "application/jwt"),
            ("accept", "text/html"),
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "host=evil.example;proto=https"),
        ] {
            let answer = Answer::to(backend.http.get(&url).header(name, value))
                .await
                .expect(200);
            assert_eq!(answer.media_type(), media_type, "{path} {name}: {value}");
            assert_eq!(answer.body, plain.body, "{path} {name}: {value}");
        }
    }
}

/// Most of what an issuance sends are the issuer's metadata, and every HTTP stack of a phone takes them compressed.
#[tokio::test]
async fn documents_are_compressed_for_who_takes_that() {
    let backend = cloud::shared().backend();
    for path in DOCUMENTS {
        let get = |encoding: &str| {
            let request = backend.http.get(format!("{}{path}", backend.base_url));
            Answer::to(request.header("accept-encoding", encoding.to_owned()))
        };
        let plain = get("gzip;q=0").await.expect(200);
        let zipped = get("gzip, deflate").await.expect(200);
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert_eq!(zipped.header("content-encoding"), "gzip", "{path}");
        let unzipped = std::io::read_to_string(GzDecoder::new(zipped.bytes.as_slice()));
        assert_eq!(unzipped.expect("it is gzip"), plain.text(), "{path}");
        for answer in [&plain, &zipped] {
            assert_eq!(answer.header("cache-control"), "public, max-age=300");
            assert!(answer.header("vary").contains("accept-encoding"), "{path}");
            assert_eq!(answer.media_type(), "application/json");
        }
    }
}

#[tokio::test]
async fn a_spoofed_host_enters_no_answer() {
    let cloud = Cloud::start_with_key("a-key-of-ones-own").await;
    let backend = cloud.backend();
    let id = unique("host");
    let spoof = |request: reqwest::RequestBuilder| request.header("host", "evil.example");
    let start = spoof(backend.request("POST", "/api/v2/credential/issue"));
    let started = Answer::to(start.json(&crate::backend::iban(&id)))
        .await
        .expect(201);
    let offer = offer_uri(started.str("request_uri"));
    let offer = Answer::to(spoof(backend.http.get(offer))).await.expect(200);
    for answer in [&started, &offer] {
        assert!(!answer.text().contains("evil.example"), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_metadata_names_this_issuer_and_its_endpoints() {
    let backend = cloud::shared().backend();
    let get = async |path: &str| {
        Answer::to(backend.http.get(format!("{}{path}", backend.base_url)))
            .await
            .expect(200)
            .body
    };
    let issuer = get("/.well-known/openid-credential-issuer").await;
    assert_eq!(issuer["credential_issuer"], backend.base_url);
    assert_eq!(
        issuer.get("authorization_servers"),
        None,
        "the issuer is its own server"
    );
    for endpoint in [
        "credential_endpoint",
        "nonce_endpoint",
        "notification_endpoint",
    ] {
        assert!(
            issuer[endpoint]
                .as_str()
                .unwrap()
                .starts_with(&backend.base_url),
            "{endpoint}"
        );
    }
    for (id, configuration) in issuer["credential_configurations_supported"]
        .as_object()
        .unwrap()
    {
        assert_eq!(configuration["format"], "dc+sd-jwt", "{id}");
        assert!(configuration["vct"].is_string(), "{id}");
        let algorithms =
            &configuration["proof_types_supported"]["jwt"]["proof_signing_alg_values_supported"];
        assert_eq!(algorithms, &json!(["ES256"]), "{id}");
        let bindings = configuration["cryptographic_binding_methods_supported"]
            .as_array()
            .unwrap();
        assert!(
            bindings.contains(&json!("jwk")) && bindings.contains(&json!("did:jwk")),
            "{id}"
        );
    }

    let server = get("/.well-known/oauth-authorization-server").await;
    assert_eq!(server["issuer"], backend.base_url);
    assert_eq!(server, get("/.well-known/openid-configuration").await);

    let jwks = get("/wallet/jwks").await;
    let vc_issuer = get("/.well-known/jwt-vc-issuer").await;
    assert_eq!(vc_issuer["issuer"], backend.base_url);
    assert!(vc_issuer.get("jwks").is_some() != vc_issuer.get("jwks_uri").is_some());
    for key in jwks["keys"].as_array().unwrap() {
        assert_eq!(key.get("d"), None, "no private key is published");
        assert!(key["kid"].is_string());
    }
    let did = get("/.well-known/did.json").await;
    let host = backend
        .base_url
        .strip_prefix("http://")
        .unwrap()
        .replace(':', "%3A");
    assert_eq!(did["id"], format!("did:web:{host}"));
}

#[tokio::test]
async fn a_nonce_is_posted_for_and_never_stored() {
    let backend = cloud::shared().backend();
    let url = format!("{}/wallet/nonce", backend.base_url);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let answer = Answer::to(backend.http.post(&url)).await.expect(200);
        assert_eq!(answer.media_type(), "application/json");
        assert!(answer.header("cache-control").contains("no-store"));
        assert!(
            seen.insert(answer.str("c_nonce").to_owned()),
            "a nonce came twice"
        );
    }
    assert_eq!(Answer::to(backend.http.get(&url)).await.status, 405);
}

#[tokio::test]
async fn an_offer_can_be_fetched_again_until_it_is_redeemed() {
    let backend = cloud::shared().backend();
    let started = backend.start_iban(&unique("refetch")).await;
    let url = offer_uri(started.str("request_uri"));
    let first = Answer::to(backend.http.get(&url)).await.expect(200);
    assert_eq!(first.media_type(), "application/json");
    assert!(first.header("cache-control").contains("no-store"));
    for _ in 0..3 {
        assert_eq!(
            Answer::to(backend.http.get(&url)).await.expect(200).body,
            first.body
        );
    }

    let wallet = WalletClient::new();
    wallet.take(started.str("request_uri")).await;
    let gone = Answer::to(backend.http.get(&url)).await;
    assert!(matches!(gone.status, 404 | 410), "{}", gone.status);
    assert!(
        !gone
            .text()
            .contains(first.body["grants"].to_string().as_str())
    );
}

#[tokio::test]
async fn an_unknown_offer_is_not_found() {
    let backend = cloud::shared().backend();
    for id in ["x", "AAAAAAAAAAAAAAAAAAAAAA", "..%2f..%2fjwks", "%00"] {
        let answer = Answer::to(
            backend
                .http
                .get(format!("{}/wallet/offers/{id}", backend.base_url)),
        )
        .await;
        assert_eq!(answer.status, 404, "{id}");
    }
}

#[tokio::test]
async fn notifications_are_checked_and_may_be_repeated() {
    let backend = cloud::shared().backend();
    let id = unique("notify");
    let started = backend.start_iban(&id).await;
    let wallet = WalletClient::new();
    let taken = wallet.take(started.str("request_uri")).await;
    let known = taken.notification_id.clone().expect("a notification id");
    let post = async |body: Value| {
        let request = wallet.http.post(&taken.offer.notification_endpoint);
        Answer::to(request.bearer_auth(&taken.access_token).json(&body)).await
    };

    for (body, error) in [
        (
            json!({"notification_id": "unknown", "event": "credential_accepted"}),
            "invalid_notification_id",
        ),
        (
            json!({"notification_id": known, "event": "credential_eaten"}),
            "invalid_notification_request",
        ),
        (
            json!({"notification_id": known}),
            "invalid_notification_request",
        ),
        (
            json!({"event": "credential_accepted"}),
            "invalid_notification_request",
        ),
        (
            json!({"notification_id": 7, "event": "credential_accepted"}),
            "invalid_notification_request",
        ),
        (json!([]), "invalid_notification_request"),
    ] {
        post(body).await.expect_oauth_error(400, error);
    }
    let accepted = json!({
        "notification_id": known, "event": "credential_accepted",
        "event_description": "stored", "something_new": 1
    });
    for _ in 0..3 {
        post(accepted.clone()).await.expect(204);
    }
    let url = &taken.offer.notification_endpoint;
    Answer::to(wallet.http.post(url).json(&accepted))
        .await
        .expect(401);
    Answer::to(wallet.http.post(url).bearer_auth("x").json(&accepted))
        .await
        .expect(401);
}

#[tokio::test]
async fn a_wallet_that_is_a_web_page_may_call() {
    let backend = cloud::shared().backend();
    let started = backend.start_iban(&unique("cors")).await;
    let offer = offer_uri(started.str("request_uri"));
    let at = |path: &str| format!("{}{path}", backend.base_url);
    for (method, url) in [
        ("GET", offer),
        ("POST", at("/wallet/token")),
        ("POST", at("/wallet/nonce")),
        ("POST", at("/wallet/credential")),
        ("POST", at("/wallet/notification")),
        ("GET", at("/.well-known/openid-credential-issuer")),
        ("GET", at("/.well-known/oauth-authorization-server")),
        ("GET", at("/.well-known/jwt-vc-issuer")),
    ] {
        let preflight = backend
            .http
            .request(reqwest::Method::OPTIONS, &url)
            .header("origin", "https://wallet.example")
            .header("access-control-request-method", method)
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let allowed = Answer::to(preflight).await;
        assert!(
            matches!(allowed.status, 200 | 204),
            "{url}: {}",
            allowed.status
        );
        assert_eq!(allowed.header("access-control-allow-origin"), "*", "{url}");
        assert!(
            allowed
                .header("access-control-allow-methods")
                .contains(method),
            "{url}"
        );
        let headers = allowed
            .header("access-control-allow-headers")
            .to_ascii_lowercase();
        // `*` does not stand for Authorization (Fetch standard, CORS non-wildcard request-header name).
        assert!(headers.contains("authorization"), "{url}: {headers}");
        assert!(headers.contains("content-type"), "{url}: {headers}");

        let request = backend.http.request(method.parse().unwrap(), &url);
        let answer = Answer::to(request.header("origin", "https://wallet.example")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{url}");
    }
}

#[tokio::test]
async fn the_backends_side_is_closed_to_web_pages() {
    let backend = cloud::shared().backend();
    let request = backend
        .request("GET", "/api/v2/issue/x")
        .header("origin", "https://evil.example");
    assert_eq!(
        Answer::to(request)
            .await
            .header("access-control-allow-origin"),
        ""
    );
}
