//! A backend: it repeats a request until it is answered, and remembers what it was told.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Broken;
use crate::invariants;
use crate::world::World;

/// How often a request is sent, at most.
const TRIES: usize = 80;
/// How often a backend asks for a status one time after the other.
const QUESTIONS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
/// How long a client waits by the clock that was told when to come again: what a process keeps in mind, such as
/// that it could not read the API keys, is two seconds old after all tries.
const WAIT: Duration = Duration::from_millis(100);

/// An answer that has been read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub text: String,
    /// `null` if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// The answer, if its status is this one.
    pub fn expect(self, what: &str, status: u16) -> Result<Self, Broken> {
        if self.status == status {
            return Ok(self);
        }
        let found = format!("{what}: {} instead of {status}: {}", self.status, self.text);
        Err(Broken::new("requests can be repeated", found))
    }

    pub fn str(&self, pointer: &str) -> Result<&str, Broken> {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| {
            Broken::new(
                "answers are whole",
                format!("no {pointer} in {}", self.text),
            )
        })
    }
}

/// Sends a request until it is answered with something that does not ask for a repeat. Where the answer
/// says when, that much time passes.
pub async fn send(
    world: &World,
    request: impl Fn() -> reqwest::RequestBuilder,
) -> Result<Answer, Broken> {
    repeat(request, async |time| {
        world.let_pass(time).await;
        tokio::time::sleep(WAIT).await;
    })
    .await
}

/// The same for who has been given something in which moments are sealed, such as a code: what is stored must
/// not get older than that, so it waits by the clock.
pub async fn send_by_the_clock(
    request: impl Fn() -> reqwest::RequestBuilder,
) -> Result<Answer, Broken> {
    repeat(request, async |time| tokio::time::sleep(time).await).await
}

async fn repeat(
    request: impl Fn() -> reqwest::RequestBuilder,
    wait: impl AsyncFn(Duration),
) -> Result<Answer, Broken> {
    let mut last = None;
    for _ in 0..TRIES {
        let answer = once(request()).await;
        let Some(answer) = answer else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let may_pass = answer.status >= 500 || answer.status == 429;
        match answer.retry_after {
            None if !may_pass => return Ok(answer),
            None => tokio::time::sleep(PAUSE).await,
            Some(seconds) => wait(Duration::from_secs(seconds)).await,
        }
        last = Some(answer);
    }
    let found = last.map_or("no answer".to_owned(), |answer| {
        format!("{} {}", answer.status, answer.text)
    });
    Err(Broken::new(
        "requests can be repeated",
        format!("after {TRIES} tries still {found}"),
    ))
}

/// One try: none if there was no answer.
pub async fn once(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let text = response.text().await.ok()?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer {
        status,
        retry_after,
        text,
        body,
    })
}

/// The backend of a world.
pub struct Backend<'w> {
    world: &'w World,
    http: reqwest::Client,
    /// An access token, where no API key is sent.
    access_token: Option<String>,
    /// The last status that was read of each issuance.
    told: Mutex<Vec<Value>>,
}

impl<'w> Backend<'w> {
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            http: client(),
            access_token: None,
            told: Mutex::default(),
        }
    }

    /// One that has an access token instead of an API key.
    pub fn with_token(world: &'w World, access_token: String) -> Self {
        Self {
            access_token: Some(access_token),
            ..Self::new(world)
        }
    }

    pub fn world(&self) -> &'w World {
        self.world
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let url = format!("{}{path}", self.world.cloud.base_url());
        let request = self.http.request(method, url);
        match &self.access_token {
            Some(token) => request.bearer_auth(token),
            None => request.header("x-api-key", self.world.cloud.api_key()),
        }
    }

    /// Start issue, repeated until it is answered.
    pub async fn start(&self, body: &Value) -> Result<Answer, Broken> {
        send(self.world, || {
            self.request("POST", "/api/v2/credential/issue").json(body)
        })
        .await
    }

    /// Start issue, which makes an offer.
    pub async fn started(&self, body: &Value) -> Result<Answer, Broken> {
        self.start(body).await?.expect("Start issue", 201)
    }

    /// Start issue twice, with one answer.
    pub async fn started_twice(&self, body: &Value) -> Result<Answer, Broken> {
        let started = self.started(body).await?;
        let again = self.started(body).await?;
        invariants::same("one answer", &started.body, &again.body)?;
        Ok(started)
    }

    /// Start issue, once: none if there was no answer.
    pub async fn start_once(&self, body: &Value) -> Option<Answer> {
        once(self.request("POST", "/api/v2/credential/issue").json(body)).await
    }

    /// Get issue status; none if there is no such issuance. What it says is held against what was said
    /// before.
    pub async fn status(&self, correlation_id: &str) -> Result<Option<Value>, Broken> {
        let path = format!("/api/v2/issue/{correlation_id}");
        let answer = send(self.world, || self.request("GET", &path)).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let status = answer.expect("Get issue status", 200)?.body;
        let mut told = self.told.lock().expect("nothing panics in it");
        let before = told
            .iter()
            .rev()
            .find(|one| one["correlation_id"] == status["correlation_id"]);
        if let Some(before) = before {
            goes_on(before, &status)?;
        }
        told.push(status.clone());
        Ok(Some(status))
    }

    /// Asks for the status until it is final: a few times as somebody does who waits for it, which brings
    /// polls forward, and then no more before it has ended.
    async fn until_ended(&self, correlation_id: &str) -> Result<Value, Broken> {
        let mut questions = 0;
        let look = async || {
            questions += 1;
            if questions > QUESTIONS && !invariants::has_ended(self.world, correlation_id).await {
                return Ok(None);
            }
            let status = self.status(correlation_id).await?;
            Ok(status.filter(is_ended))
        };
        self.world.until("the issuance ends", look).await
    }

    /// Asks for the status until it is final: it must be this one.
    pub async fn ends_as(&self, correlation_id: &str, status: &str) -> Result<Value, Broken> {
        let end = self.until_ended(correlation_id).await?;
        invariants::same("it ends as it went", &end["status"], &json!(status))?;
        Ok(end)
    }

    /// Uploads many Start issues under one key, and gives the path of the job.
    pub async fn upload(&self, lines: &[Value]) -> Result<String, Broken> {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let upload = || {
            self.request("POST", "/api/v2/credential/issue/batch")
                .header("content-type", "application/x-ndjson")
                .header("idempotency-key", "the-upload")
                .body(body.clone())
        };
        let answer = send(self.world, upload).await?.expect("the upload", 202)?;
        Ok(format!("/api/v2/jobs/{}", answer.str("/job_id")?))
    }

    /// How far a job is.
    pub async fn job(&self, path: &str) -> Result<Value, Broken> {
        let answer = send(self.world, || self.request("GET", path)).await?;
        Ok(answer.expect("the job", 200)?.body)
    }

    /// What became of each line of a job.
    pub async fn results(&self, path: &str) -> Result<Vec<Value>, Broken> {
        let path = format!("{path}/results");
        let answer = send(self.world, || self.request("GET", &path)).await?;
        let text = answer.expect("the results", 200)?.text;
        Ok(text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_default())
            .collect())
    }

    /// The deliveries of an issuance's changes.
    pub async fn deliveries(&self, correlation_id: &str) -> Result<Vec<Value>, Broken> {
        let path = format!("/api/v2/deliveries/{correlation_id}");
        let answer = send(self.world, || self.request("GET", &path)).await?;
        let answer = answer.expect("the deliveries", 200)?;
        Ok(answer.body["deliveries"]
            .as_array()
            .cloned()
            .unwrap_or_default())
    }

    /// Has a delivery made again.
    pub async fn replay(&self, delivery_id: &str) -> Result<(), Broken> {
        let path = format!("/api/v2/deliveries/{delivery_id}/replay");
        let answer = send(self.world, || self.request("POST", &path)).await?;
        answer.expect("the replay", 202).map(drop)
    }

    /// Changes the status of a credential until it is published.
    pub async fn set(&self, revocation_uuid: &str, status: &str) -> Result<(), Broken> {
        let path = format!("/api/v2/credential/status/{revocation_uuid}");
        let body = json!({"status": status});
        let look = async || {
            let answer = send(self.world, || self.request("PUT", &path).json(&body)).await?;
            match answer.status {
                202 => Ok(None),
                _ => answer.expect("Set credential status", 200).map(Some),
            }
        };
        self.world.until("the change is published", look).await?;
        Ok(())
    }

    /// The status of a credential as it is published.
    pub async fn published(&self, revocation_uuid: &str) -> Result<String, Broken> {
        let path = format!("/api/v2/credential/status/{revocation_uuid}");
        let answer = send(self.world, || self.request("GET", &path)).await?;
        let answer = answer.expect("Get credential status", 200)?;
        Ok(answer.str("/published_status")?.to_owned())
    }
}

pub fn is_ended(status: &Value) -> bool {
    status["status"] == "issue_completed" || status["status"] == "error"
}

/// Nothing that readers see goes back.
fn goes_on(before: &Value, after: &Value) -> Result<(), Broken> {
    let changed = |what: &str| {
        Err(Broken::new(
            "what readers see never goes back",
            format!("{what}: {before}, then {after}"),
        ))
    };
    let sequence = |status: &Value| status["sequence"].as_u64().unwrap_or_default();
    if sequence(after) < sequence(before) {
        return changed("the sequence");
    }
    let shown = |status: &'_ Value| [status["status"].clone(), status["stage"].clone()];
    if sequence(after) == sequence(before) && shown(after) != shown(before) {
        return changed("a change without a number");
    }
    if is_ended(before) && before != after {
        return changed("after the end");
    }
    if before["revocation_uuid"].is_string()
        && before["revocation_uuid"] != after["revocation_uuid"]
    {
        return changed("the revocation_uuid");
    }
    Ok(())
}

/// A client that follows no redirects.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

/// Start issue of the contract's sample.
pub fn iban(correlation_id: &str) -> Value {
    json!({
        "correlation_id": correlation_id,
        "template_id": "issue_iban",
        "claims": {
            "companyname": "Claimed Name B.V.", "currency": "EUR", "iban": "NL12TUL25708789078",
            "bic": "TULINL2A", "acccount_type": "Business Checking Account"
        }
    })
}
