//! The customer's wallet: it takes a credential, and repeats a request that was not answered.

use bestow_jose::jws::SigningInput;
use bestow_signing::{LocalKey, Signer};
use serde_json::{Value, json};

use crate::Broken;
use crate::backend::{Answer, client, send_by_the_clock};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// A wallet with one key.
pub struct Holder {
    http: reqwest::Client,
    key: LocalKey,
}

/// A Credential Offer, with where to go with it.
pub struct Offer {
    body: Value,
    issuer: String,
    pub code: String,
    metadata: Value,
    token_endpoint: String,
}

/// A credential that was taken.
pub struct Taken {
    pub credential: String,
    pub access_token: String,
    notification_id: String,
    notification_endpoint: String,
}

impl Holder {
    pub fn new() -> Self {
        Self {
            http: client(),
            key: LocalKey::generate().expect("a key"),
        }
    }

    /// Fetches the offer and the metadata of who made it.
    pub async fn read_offer(&self, request_uri: &str) -> Result<Offer, Broken> {
        let uri: reqwest::Url = request_uri.parse().expect("a URI");
        let mut query = uri.query_pairs();
        let offer_uri = query
            .find(|(name, _)| name == "credential_offer_uri")
            .expect("by reference")
            .1;
        let body = self.get(&offer_uri).await?;
        let issuer = text(&body, "/credential_issuer")?;
        let metadata = self
            .get(&format!("{issuer}/.well-known/openid-credential-issuer"))
            .await?;
        let server = self
            .get(&format!("{issuer}/.well-known/oauth-authorization-server"))
            .await?;
        Ok(Offer {
            code: text(&body, &format!("/grants/{GRANT}/pre-authorized_code"))?,
            token_endpoint: text(&server, "/token_endpoint")?,
            issuer,
            metadata,
            body,
        })
    }

    /// Redeems the code.
    pub async fn token(&self, offer: &Offer, tx_code: Option<&str>) -> Result<Answer, Broken> {
        let mut form = vec![("grant_type", GRANT), ("pre-authorized_code", &offer.code)];
        form.extend(tx_code.map(|code| ("tx_code", code)));
        send_by_the_clock(|| self.http.post(&offer.token_endpoint).form(&form)).await
    }

    /// Takes the credential, with an access token.
    pub async fn credential(&self, offer: &Offer, access_token: &str) -> Result<Taken, Broken> {
        let nonce_endpoint = text(&offer.metadata, "/nonce_endpoint")?;
        let nonce = send_by_the_clock(|| self.http.post(&nonce_endpoint)).await?;
        let nonce = nonce.expect("the nonce", 200)?;
        let request = json!({
            "credential_configuration_id": offer.body["credential_configuration_ids"][0],
            "proofs": {"jwt": [self.proof(offer, nonce.str("/c_nonce")?)]},
        });
        let endpoint = text(&offer.metadata, "/credential_endpoint")?;
        let ask = || {
            self.http
                .post(&endpoint)
                .bearer_auth(access_token)
                .json(&request)
        };
        let answer = send_by_the_clock(ask)
            .await?
            .expect("the credential", 200)?;
        Ok(Taken {
            credential: answer.str("/credentials/0/credential")?.to_owned(),
            access_token: access_token.to_owned(),
            notification_id: answer.str("/notification_id")?.to_owned(),
            notification_endpoint: text(&offer.metadata, "/notification_endpoint")?,
        })
    }

    /// Takes the credential of an issuance that was started.
    pub async fn take(&self, started: &Answer) -> Result<(Offer, Taken), Broken> {
        let offer = self.read_offer(started.str("/request_uri")?).await?;
        let token = self.token(&offer, None).await?.expect("the token", 200)?;
        let taken = self.credential(&offer, token.str("/access_token")?).await?;
        Ok((offer, taken))
    }

    /// Reports that the credential was accepted.
    pub async fn notify(&self, taken: &Taken) -> Result<(), Broken> {
        let body =
            json!({"notification_id": taken.notification_id, "event": "credential_accepted"});
        let notify = || {
            let request = self.http.post(&taken.notification_endpoint);
            request.bearer_auth(&taken.access_token).json(&body)
        };
        send_by_the_clock(notify)
            .await?
            .expect("the notification", 204)?;
        Ok(())
    }

    /// What is at a public address.
    pub async fn fetch(&self, url: &str) -> Result<Answer, Broken> {
        send_by_the_clock(|| self.http.get(url))
            .await?
            .expect(url, 200)
    }

    async fn get(&self, url: &str) -> Result<Value, Broken> {
        Ok(self.fetch(url).await?.body)
    }

    fn proof(&self, offer: &Offer, c_nonce: &str) -> String {
        let now = std::time::SystemTime::now();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a clock")
            .as_secs();
        let header = json!({
            "typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": self.key.public_jwk().to_json()
        });
        let claims = json!({"aud": offer.issuer, "iat": now, "nonce": c_nonce});
        let input = SigningInput::new(&header, &claims).expect("JSON");
        let signature = self.key.sign_now(input.as_bytes()).expect("a signature");
        input.finish(&signature)
    }
}

fn text(value: &Value, pointer: &str) -> Result<String, Broken> {
    let found = value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned);
    found.ok_or_else(|| Broken::new("answers are whole", format!("no {pointer} in {value}")))
}
