//! What an HTTP request came back with, read whole.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer whose body has been read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The path that was asked for, as it was sent.
    pub path: String,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The body, `null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Sends the request and reads the answer. A request that cannot be sent fails the test.
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        let path = response.url().path().to_owned();
        let headers = response.headers().clone();
        let bytes = response
            .bytes()
            .await
            .expect("the answer has a whole body")
            .to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self {
            status,
            path,
            headers,
            bytes,
            body,
        }
    }

    /// The header's value, `""` if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("an ASCII header"))
    }

    /// The media type without its parameters.
    pub fn media_type(&self) -> &str {
        self.header("content-type")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A member of the body that must be a string.
    pub fn str(&self, member: &str) -> &str {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("no string {member:?}: {self:?}"))
    }

    /// Passes the answer on if it has this status, and fails the test otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Checks that the answer is a problem of this status as the contract wants them (RFC 9457, `detail`
    /// always there and repeated as `message`), and gives its detail.
    #[track_caller]
    pub fn expect_problem(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.media_type(),
            "application/problem+json",
            "{}",
            self.text()
        );
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert_ne!(self.str(member), "", "{member}");
        }
        assert_eq!(self.body["message"], self.body["detail"]);
        assert_eq!(self.body["instance"], self.path, "{}", self.text());
        self.str("detail")
    }

    /// Checks that the answer is an OAuth or OpenID4VCI error with this code, as JSON and not to be stored.
    #[track_caller]
    pub fn expect_oauth_error(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["error"].as_str()),
            (status, Some(code)),
            "{}",
            self.text()
        );
        assert_eq!(self.media_type(), "application/json");
        assert!(
            self.header("cache-control").contains("no-store"),
            "{:?}",
            self.headers
        );
        // OpenID4VCI 1.0 §8.3.1.2: %x20-21 / %x23-5B / %x5D-7E.
        let description = self.body["error_description"].as_str().unwrap_or_default();
        assert!(
            description
                .chars()
                .all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\'),
            "{description}"
        );
    }
}
