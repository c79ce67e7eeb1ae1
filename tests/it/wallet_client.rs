//! A small wallet of our own, for what the libraries' wallets cannot be made to do: wrong proofs, doubled
//! requests, other keys. It speaks OpenID4VCI 1.0, pre-authorized code flow.

use bestow_jose::jws::SigningInput;
use bestow_signing::LocalKey;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::http_client;

pub const PRE_AUTHORIZED_CODE: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// A wallet with one key.
pub struct WalletClient {
    pub http: reqwest::Client,
    pub key: LocalKey,
}

/// A Credential Offer that was fetched, with the metadata of who made it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where the offer was fetched.
    pub uri: String,
    pub issuer: String,
    pub configuration_id: String,
    pub code: String,
    /// The `tx_code` object of the grant, if one is needed.
    pub tx_code: Option<Value>,
    pub token_endpoint: String,
    pub nonce_endpoint: String,
    pub credential_endpoint: String,
    pub notification_endpoint: String,
}

/// A credential in the wallet, and what led to it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub offer: Offer,
    pub access_token: String,
    pub credential: String,
    pub notification_id: Option<String>,
}

impl WalletClient {
    pub fn new() -> Self {
        Self {
            http: http_client(),
            key: LocalKey::generate().expect("a key"),
        }
    }

    /// Fetches the offer that a `request_uri` refers to, and its issuer's metadata.
    pub async fn read_offer(&self, request_uri: &str) -> Offer {
        let uri = offer_uri(request_uri);
        let offer = self.get(&uri).await.expect(200);
        let issuer = offer.str("credential_issuer").to_owned();
        let metadata = self
            .get(&format!("{issuer}/.well-known/openid-credential-issuer"))
            .await
            .expect(200);
        let server = self
            .get(&format!("{issuer}/.well-known/oauth-authorization-server"))
            .await
            .expect(200);
        assert_eq!(metadata.str("credential_issuer"), issuer);
        assert_eq!(server.str("issuer"), issuer);
        let grant = &offer.body["grants"][PRE_AUTHORIZED_CODE];
        Offer {
            configuration_id: text(&offer.body["credential_configuration_ids"][0]),
            code: text(&grant["pre-authorized_code"]),
            tx_code: grant.get("tx_code").cloned(),
            token_endpoint: server.str("token_endpoint").to_owned(),
            nonce_endpoint: metadata.str("nonce_endpoint").to_owned(),
            credential_endpoint: metadata.str("credential_endpoint").to_owned(),
            notification_endpoint: metadata.str("notification_endpoint").to_owned(),
            uri,
            issuer,
        }
    }

    /// Redeems the offer's code.
    pub async fn token(&self, offer: &Offer, tx_code: Option<&str>) -> Answer {
        let mut form = vec![
            ("grant_type", PRE_AUTHORIZED_CODE),
            ("pre-authorized_code", &offer.code),
        ];
        form.extend(tx_code.map(|code| ("tx_code", code)));
        self.token_form(offer, &form).await
    }

    /// Posts any form to the token endpoint.
    pub async fn token_form(&self, offer: &Offer, form: &[(&str, &str)]) -> Answer {
        Answer::to(self.http.post(&offer.token_endpoint).form(form)).await
    }

    /// Redeems the offer's code and gives the access token.
    pub async fn access_token(&self, offer: &Offer) -> String {
        self.token(offer, None)
            .await
            .expect(200)
            .str("access_token")
            .to_owned()
    }

    /// A fresh `c_nonce`.
    pub async fn nonce(&self, offer: &Offer) -> String {
        let answer = Answer::to(self.http.post(&offer.nonce_endpoint))
            .await
            .expect(200);
        answer.str("c_nonce").to_owned()
    }

    /// A correct proof for this offer: `jwk` in the header, a fresh nonce.
    pub async fn proof(&self, offer: &Offer) -> Proof {
        Proof::new(&self.key, &offer.issuer, &self.nonce(offer).await)
    }

    /// Posts any body to the credential endpoint.
    pub async fn credential_request(&self, offer: &Offer, token: &str, body: &Value) -> Answer {
        Answer::to(
            self.http
                .post(&offer.credential_endpoint)
                .bearer_auth(token)
                .json(body),
        )
        .await
    }

    /// Asks for the offered credential with this proof.
    pub async fn credential(&self, offer: &Offer, token: &str, proof: &str) -> Answer {
        let body = credential_request(offer, proof);
        self.credential_request(offer, token, &body).await
    }

    /// Reports what became of the credential.
    pub async fn notify(&self, taken: &Taken, event: &str) -> Answer {
        let body = json!({"notification_id": taken.notification_id, "event": event});
        let request = self.http.post(&taken.offer.notification_endpoint);
        Answer::to(request.bearer_auth(&taken.access_token).json(&body)).await
    }

    /// The whole flow: offer, token, nonce, credential.
    pub async fn take(&self, request_uri: &str) -> Taken {
        let offer = self.read_offer(request_uri).await;
        let access_token = self.access_token(&offer).await;
        self.take_with_token(offer, access_token).await
    }

    /// The rest of the flow, once there is a token.
    pub async fn take_with_token(&self, offer: Offer, access_token: String) -> Taken {
        let proof = self.proof(&offer).await.sign(&self.key);
        let answer = self
            .credential(&offer, &access_token, &proof)
            .await
            .expect(200);
        Taken {
            offer,
            access_token,
            credential: text(&answer.body["credentials"][0]["credential"]),
            notification_id: answer.body["notification_id"].as_str().map(str::to_owned),
        }
    }

    pub async fn get(&self, url: &str) -> Answer {
        Answer::to(self.http.get(url)).await
    }
}

/// The body of a credential request for the offered credential with one JWT proof.
pub fn credential_request(offer: &Offer, proof: &str) -> Value {
    json!({"credential_configuration_id": offer.configuration_id, "proofs": {"jwt": [proof]}})
}

/// The `credential_offer_uri` in a `request_uri`.
pub fn offer_uri(request_uri: &str) -> String {
    let url: reqwest::Url = request_uri.parse().expect("request_uri is a URI");
    let (_, uri) = url
        .query_pairs()
        .find(|(name, _)| name == "credential_offer_uri")
        .expect("offers go by reference");
    uri.into_owned()
}

/// Header and claims of a key proof (OpenID4VCI 1.0 App. F.1), to be spoilt before it is signed.
#[derive(Debug, Clone)]
pub struct Proof {
    pub header: Value,
    pub claims: Value,
}

impl Proof {
    pub fn new(key: &LocalKey, issuer: &str, nonce: &str) -> Self {
        use bestow_signing::Signer;
        Self {
            header: json!({
                "typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": key.public_jwk()
            }),
            claims: json!({"aud": issuer, "iat": now_seconds(), "nonce": nonce}),
        }
    }

    /// The compact JWS, signed with ES256 whatever the header says.
    pub fn sign(&self, key: &LocalKey) -> String {
        let input = SigningInput::new(&self.header, &self.claims).expect("JSON");
        let signature = key.sign_now(input.as_bytes()).expect("a signature");
        input.finish(&signature)
    }
}

/// Unix time in seconds.
pub fn now_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_secs()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value}"))
        .to_owned()
}
