//! A job as its sender sees it.

use serde_json::Value;

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE};
use crate::eventually::eventually;

pub const UPLOAD: &str = "/api/v2/credential/issue/batch";
pub const NDJSON: &str = "application/x-ndjson";

/// Uploads a body, whatever it is.
pub async fn upload(backend: &Backend, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = backend.request("POST", UPLOAD);
    Answer::to(request.header("content-type", media_type).body(body)).await
}

/// These lines as NDJSON.
pub fn ndjson(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A job that was accepted.
pub struct Job<'b> {
    backend: &'b Backend,
    pub id: String,
}

impl<'b> Job<'b> {
    /// Uploads these lines as NDJSON; they must be accepted.
    pub async fn start(backend: &'b Backend, lines: &[Value]) -> Self {
        let accepted = upload(backend, NDJSON, ndjson(lines)).await.expect(202);
        assert_eq!(accepted.body["total"], lines.len());
        Self::of(backend, &accepted)
    }

    /// The job of the answer to an upload.
    pub fn of(backend: &'b Backend, accepted: &Answer) -> Self {
        let id = accepted.str("job_id").to_owned();
        let status_uri = accepted.str("status_uri");
        assert!(
            status_uri.ends_with(&format!("/api/v2/jobs/{id}")),
            "{status_uri}"
        );
        assert_eq!(accepted.header("location"), status_uri);
        Self { backend, id }
    }

    /// How far it is.
    pub async fn status(&self) -> Value {
        let path = format!("/api/v2/jobs/{}", self.id);
        Answer::to(self.backend.request("GET", &path))
            .await
            .expect(200)
            .body
    }

    /// Waits until every line is done, as long as some are, and gives the last status. On the way nothing
    /// goes back.
    pub async fn finished(&self) -> Value {
        let counts = |status: &Value| {
            let number = |name: &str| status[name].as_u64().expect("a number");
            (number("done"), number("failed"), number("total"))
        };
        let mut before = (0, 0);
        loop {
            let status = eventually("the job goes on", 3 * PATIENCE, async || {
                let status = self.status().await;
                let (done, failed, total) = counts(&status);
                assert!(
                    done >= before.0 && failed >= before.1,
                    "{before:?} {status}"
                );
                (done > before.0 || done == total).then_some(status)
            })
            .await;
            let (done, failed, total) = counts(&status);
            if done == total {
                return status;
            }
            before = (done, failed);
        }
    }

    /// The results so far, from all pages.
    pub async fn results(&self) -> Vec<Value> {
        let mut results = Vec::new();
        let mut next = Some(format!(
            "{}/api/v2/jobs/{}/results",
            self.backend.base_url, self.id
        ));
        while let Some(url) = next {
            let path = url
                .strip_prefix(&self.backend.base_url)
                .expect("an address of ours");
            let page = Answer::to(self.backend.request("GET", path))
                .await
                .expect(200);
            assert_eq!(page.media_type(), NDJSON);
            assert_eq!(page.header("cache-control"), "no-store");
            let text = page.text();
            results.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).expect("JSON")),
            );
            let link = page.header("link");
            next = link
                .strip_suffix(">; rel=\"next\"")
                .and_then(|link| link.strip_prefix('<'))
                .map(str::to_owned);
            assert_eq!(next.is_none(), link.is_empty(), "{link}");
        }
        results
    }
}
