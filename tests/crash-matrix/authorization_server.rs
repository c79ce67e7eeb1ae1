//! An authorization server whose access tokens the functions take: one that has keys, and issues what is asked for.

use axum::routing::get;
use axum::{Json, Router};
use bestow_jose::jws::SigningInput;
use bestow_signing::{LocalKey, Signer};
use serde_json::json;
use tokio::net::TcpListener;

/// The name of this API in its tokens.
pub const AUDIENCE: &str = "https://issuer.example";
const KEY_ID: &str = "the-key";
const HOUR_SECONDS: u64 = 60 * 60;

/// An authorization server.
pub struct AuthorizationServer {
    key: LocalKey,
    /// Its name and address.
    pub issuer: String,
}

impl AuthorizationServer {
    /// Serves its keys at `/jwks` as long as the runtime lives.
    pub async fn start() -> Self {
        let key = LocalKey::generate().expect("a key");
        let mut jwk = key.public_jwk().to_json();
        jwk["kid"] = json!(KEY_ID);
        jwk["alg"] = json!("ES256");
        let keys = json!({"keys": [jwk]});
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/jwks", get(async move || Json(keys)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key, issuer }
    }

    /// A token for an hour (RFC 9068 §2.2).
    pub fn token(&self, scope: &str) -> String {
        self.signed_by(&self.key, scope)
    }

    /// The same, signed by somebody who calls their key by this one's name.
    pub fn forged_token(&self, scope: &str) -> String {
        self.signed_by(&LocalKey::generate().expect("a key"), scope)
    }

    fn signed_by(&self, key: &LocalKey, scope: &str) -> String {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": KEY_ID});
        let claims = json!({
            "iss": self.issuer, "aud": AUDIENCE, "exp": now.as_secs() + HOUR_SECONDS,
            "client_id": "a-client", "scope": scope
        });
        let input = SigningInput::new(&header, &claims).expect("JSON");
        let signature = key.sign_now(input.as_bytes()).expect("a signature");
        input.finish(&signature)
    }
}
