//! One whole issuance: the backend starts it, a wallet takes the credential, the backend asks for the status.

use std::time::{Duration, Instant};

use bestow_jose::jws::SigningInput;
use bestow_signing::{LocalKey, Signer};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::Failure;

/// The requests of an issuance, in order. The last one is repeated until the status is final.
pub(crate) const STEPS: [&str; 9] = [
    "Start issue",
    "credential offer",
    "issuer metadata",
    "authorization server metadata",
    "token",
    "nonce",
    "credential",
    "notification",
    "Get issue status",
];

/// How long the backend waits before it asks for the status again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// When an issuance is given up.
const DEADLINE: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// Who starts and takes issuances.
pub(crate) struct Parties {
    client: Client,
    base_url: String,
    api_key: String,
    holder: LocalKey,
}

/// An issuance that was started.
pub(crate) struct Started {
    pub(crate) correlation_id: String,
    status_uri: String,
    offer_uri: String,
}

/// An issuance whose credential the customer's wallet has.
pub(crate) struct Taken {
    pub(crate) correlation_id: String,
    status_uri: String,
    notification: Notification,
    /// When the wallet asked for it.
    pub(crate) asked_at: Timestamp,
}

/// How the wallet tells that it has the credential.
struct Notification {
    endpoint: String,
    access_token: String,
    id: String,
}

impl Parties {
    pub(crate) fn new(base_url: &str, api_key: &str) -> Result<Self, Failure> {
        // As the HTTP stacks of phones do by themselves.
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let client = Client::builder().timeout(DEADLINE);
        Ok(Self {
            client: client.default_headers(headers).build()?,
            base_url: base_url.to_owned(),
            api_key: api_key.to_owned(),
            holder: LocalKey::generate()?,
        })
    }

    /// Runs one issuance until the customer's wallet has said that it keeps the credential.
    pub(crate) async fn issue(&self, clock: &mut Clock) -> Result<Taken, Failure> {
        let started = self.start_issuance(clock, None).await?;
        let taken = self.redeem(&started, clock).await?;
        let Notification {
            endpoint,
            access_token,
            id,
        } = &taken.notification;
        let request = self
            .client
            .post(endpoint)
            .bearer_auth(access_token)
            .json(&json!({"notification_id": id, "event": "credential_accepted"}));
        clock.time(answer(request.send())).await?;
        Ok(taken)
    }

    /// Asks for the status until the issuance is completed.
    pub(crate) async fn query(&self, taken: &Taken, clock: &mut Clock) -> Result<(), Failure> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let status = clock.time(self.status(&taken.status_uri)).await?;
            match text(&status, "/status")? {
                "issue_completed" => return Ok(()),
                other if other == "error" || Instant::now() > deadline => {
                    return Err(format!("the issuance did not complete: {status}").into());
                }
                _ => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    /// Start issue. Changes go to `callback`, where there is one.
    pub(crate) async fn start_issuance(
        &self,
        clock: &mut Clock,
        callback: Option<&str>,
    ) -> Result<Started, Failure> {
        let mut body = start_issue();
        if let (Some(url), Some(members)) = (callback, body.as_object_mut()) {
            members.insert("callback".to_owned(), json!({"url": url}));
        }
        let url = format!("{}/api/v2/credential/issue", self.base_url);
        let started: Value = clock.time(self.post(&url, body.to_string(), JSON)).await?;
        Ok(Started {
            correlation_id: text(&started, "/correlation_id")?.to_owned(),
            status_uri: text(&started, "/status_uri")?.to_owned(),
            offer_uri: offer_uri(text(&started, "/request_uri")?)?,
        })
    }

    /// Starts issuances in one upload. Nobody has their offers.
    pub(crate) async fn upload(&self, lines: usize) -> Result<Vec<Started>, Failure> {
        let ids: Vec<String> = (1..=lines).map(|line| format!("line-{line}")).collect();
        let mut body = String::new();
        for id in &ids {
            let mut line = start_issue();
            if let Some(members) = line.as_object_mut() {
                members.insert("correlation_id".to_owned(), json!(id));
            }
            body.push_str(&format!("{line}\n"));
        }
        let url = format!("{}/api/v2/credential/issue/batch", self.base_url);
        self.post(&url, body, "application/x-ndjson").await?;
        let started = |correlation_id: String| Started {
            status_uri: format!("{}/api/v2/issue/{correlation_id}", self.base_url),
            correlation_id,
            offer_uri: String::new(),
        };
        Ok(ids.into_iter().map(started).collect())
    }

    /// The status and the stage of an issuance.
    pub(crate) async fn status_and_stage(
        &self,
        started: &Started,
    ) -> Result<(String, String), Failure> {
        let answer = self.status(&started.status_uri).await?;
        let of = |member| text(&answer.body, member).map(str::to_owned);
        Ok((of("/status")?, of("/stage")?))
    }

    /// What the customer's wallet does, from the offer to the credential.
    pub(crate) async fn redeem(
        &self,
        started: &Started,
        clock: &mut Clock,
    ) -> Result<Taken, Failure> {
        let offer = clock.time(self.get(&started.offer_uri)).await?;
        let issuer = text(&offer, "/credential_issuer")?;
        let code = text(&offer, &format!("/grants/{GRANT}/pre-authorized_code"))?;
        let configuration_id = text(&offer, "/credential_configuration_ids/0")?;

        let well_known = |name: &str| format!("{issuer}/.well-known/{name}");
        let metadata = clock
            .time(self.get(&well_known("openid-credential-issuer")))
            .await?;
        let server = clock
            .time(self.get(&well_known("oauth-authorization-server")))
            .await?;

        let form = [("grant_type", GRANT), ("pre-authorized_code", code)];
        let request = self
            .client
            .post(text(&server, "/token_endpoint")?)
            .form(&form);
        let token = clock.time(answer(request.send())).await?;

        let request = self.client.post(text(&metadata, "/nonce_endpoint")?);
        let nonce = clock.time(answer(request.send())).await?;

        let proof = self.proof(issuer, text(&nonce, "/c_nonce")?)?;
        let request = self
            .client
            .post(text(&metadata, "/credential_endpoint")?)
            .bearer_auth(text(&token, "/access_token")?)
            .json(&json!({"credential_configuration_id": configuration_id,
                          "proofs": {"jwt": [proof]}}));
        let asked_at = Timestamp::now();
        let credential = clock.time(answer(request.send())).await?;
        text(&credential, "/credentials/0/credential")?;

        Ok(Taken {
            correlation_id: started.correlation_id.clone(),
            status_uri: started.status_uri.clone(),
            notification: Notification {
                endpoint: text(&metadata, "/notification_endpoint")?.to_owned(),
                access_token: text(&token, "/access_token")?.to_owned(),
                id: text(&credential, "/notification_id")?.to_owned(),
            },
            asked_at,
        })
    }

    /// Asks for the status of a credential that nobody has, which is answered 404.
    pub(crate) async fn ask_credential_status(&self) -> Result<(), Failure> {
        let stranger = "00000000-0000-8000-8000-000000000000";
        let url = format!("{}/api/v2/credential/status/{stranger}", self.base_url);
        self.client
            .get(url)
            .header("x-api-key", &self.api_key)
            .send()
            .await?;
        Ok(())
    }

    async fn post(&self, url: &str, body: String, media_type: &str) -> Result<Answer, Failure> {
        let request = self
            .client
            .post(url)
            .header("x-api-key", &self.api_key)
            .header("content-type", media_type)
            .body(body);
        answer(request.send()).await
    }

    async fn status(&self, status_uri: &str) -> Result<Answer, Failure> {
        answer(
            self.client
                .get(status_uri)
                .header("x-api-key", &self.api_key)
                .send(),
        )
        .await
    }

    async fn get(&self, url: &str) -> Result<Answer, Failure> {
        answer(self.client.get(url).send()).await
    }

    /// A key proof (OpenID4VCI 1.0, appendix F.1).
    fn proof(&self, issuer: &str, c_nonce: &str) -> Result<String, Failure> {
        let now = Timestamp::now().as_second();
        let header = json!({"typ": "openid4vci-proof+jwt", "alg": bestow_jose::ES256,
                            "jwk": self.holder.public_jwk().to_json()});
        let claims = json!({"aud": issuer, "iat": now, "nonce": c_nonce});
        let input = SigningInput::new(&header, &claims)?;
        let signature = self.holder.sign_now(input.as_bytes())?;
        Ok(input.finish(&signature))
    }
}

/// The body of Start issue.
fn start_issue() -> Value {
    json!({
        "template_id": "issue_iban",
        "claims": {"companyname": "CoolSoft B.V.", "currency": "EUR",
                   "iban": "NL12TUL25708789078", "bic": "TULINL2A",
                   "acccount_type": "Business Checking Account"}
    })
}

/// Times the steps one after the other.
#[derive(Default)]
pub(crate) struct Clock {
    /// How long each of the [`STEPS`] took; of the last one, its first request.
    pub(crate) steps: [Duration; STEPS.len()],
    /// Bytes of all answers' bodies.
    pub(crate) bytes: usize,
    /// Requests.
    pub(crate) requests: usize,
}

impl Clock {
    async fn time(
        &mut self,
        step: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Value, Failure> {
        let began = Instant::now();
        let Answer { body, bytes } = step.await?;
        if let Some(slot) = self.steps.get_mut(self.requests) {
            *slot = began.elapsed();
        }
        self.requests += 1;
        self.bytes += bytes;
        Ok(body)
    }
}

/// What a request came back with.
struct Answer {
    /// `null` where there is none.
    body: Value,
    /// Of the body, as it was sent.
    bytes: usize,
}

async fn answer(
    response: impl Future<Output = reqwest::Result<Response>>,
) -> Result<Answer, Failure> {
    let response = response.await?;
    let (url, status) = (response.url().path().to_owned(), response.status());
    let is_gzipped = response.headers().contains_key(CONTENT_ENCODING);
    let sent = response.bytes().await?;
    let text = match is_gzipped {
        true => std::io::read_to_string(GzDecoder::new(&*sent))?,
        false => String::from_utf8(sent.to_vec())?,
    };
    if !status.is_success() {
        return Err(format!("{url} answered {status}: {text}").into());
    }
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text)?,
    };
    let bytes = sent.len();
    Ok(Answer { body, bytes })
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("an answer lacks {pointer}").into())
}

fn offer_uri(request_uri: &str) -> Result<String, Failure> {
    let uri = reqwest::Url::parse(request_uri)?;
    uri.query_pairs()
        .find_map(|(name, value)| (name == "credential_offer_uri").then(|| value.into_owned()))
        .ok_or_else(|| "the request_uri has no credential_offer_uri".into())
}
