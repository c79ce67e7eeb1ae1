//! What is known about one delivery, and how it changes.

use std::fmt;
use std::time::Duration;

use bestow_contract::{Stage, Status};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use strum::Display;
use url::{Origin, Url};
use uuid::Uuid;

use crate::delivery_id::DeliveryId;
use crate::schedule::wait;

/// How long a delivery can be listed and replayed after its last change: 30 days.
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many attempts of a delivery are kept, the latest ones: more than four full runs of the schedule.
pub const MAX_ATTEMPTS_KEPT: usize = 50;

/// Where a delivery goes. It may carry a secret, so `Debug` shows the host alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallbackUrl(String);

impl CallbackUrl {
    /// A URL as it was given.
    pub fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// The whole URL, secrets and all.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, for whoever may see the issuance: a secret may be in all else, also in the path.
    pub fn without_secrets(&self) -> String {
        match Url::parse(&self.0).map(|url| url.origin()) {
            Ok(origin @ Origin::Tuple(..)) => format!("{}/…", origin.ascii_serialization()),
            Ok(Origin::Opaque(_)) | Err(_) => String::new(),
        }
    }

    /// The host, for the log.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let host = url.as_ref().and_then(Url::host_str);
        host.unwrap_or_default().to_owned()
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackUrl({}, …)", self.host())
    }
}

/// One change of an issuance on its way to one receiver, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name.
    #[serde(rename = "delivery_id")]
    pub id: DeliveryId,
    /// Names the write that stored it: see [`bestow_issuance::Versioned`].
    pub write_id: Uuid,
    /// Where it goes.
    pub url: CallbackUrl,
    /// What is posted, byte for byte: the status object of the contract as JSON.
    pub body: String,
    /// The status that it announces.
    pub status: Status,
    /// The stage that it announces.
    pub stage: Option<Stage>,
    /// When it was made.
    #[serde(rename = "created_at_ms", with = "millisecond::required")]
    pub created_at: Timestamp,
    /// What became of it so far.
    #[serde(flatten)]
    pub state: State,
    /// The message that is awaited: one with a lower attempt is stale.
    pub attempt: u32,
    /// When the present run of the schedule began.
    #[serde(rename = "run_began_at_ms", with = "millisecond::required")]
    pub run_began_at: Timestamp,
    /// How many attempts of the present run failed.
    pub run_attempts: u32,
    /// How often it was sent again because someone asked for it.
    pub replays: u32,
    /// The latest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// What became of a delivery so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It is on its way.
    Pending {
        /// When it is tried next.
        #[serde(rename = "due_at_ms", with = "millisecond::required")]
        due_at: Timestamp,
    },
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Failure {
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The receiver answered 410: it wants no more deliveries.
    Gone,
    /// The receiver had answered 410 to another one before.
    SubscriptionEnded,
    /// The operator has removed the subscription.
    Unsubscribed,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttemptError {
    /// An answer that is no success.
    HttpStatus,
    /// A redirect: none is followed.
    Redirect,
    /// There was no answer in time.
    Timeout,
    /// No post was made: the host hangs, and another post finds out whether it still does.
    HostHangs,
    /// Nobody listens there.
    ConnectionRefused,
    /// The certificate is not trusted, or TLS could not be agreed on.
    Tls,
    /// The name could not be resolved, or no connection be made.
    Unreachable,
    /// The connection broke, or what came was not HTTP.
    ConnectionBroken,
    /// The name leads to an address that may not be reached.
    ForbiddenAddress,
    /// The URL may not be called.
    UrlError,
}

/// One attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    #[serde(rename = "at_ms", with = "millisecond::required")]
    pub at: Timestamp,
    /// The status of the answer, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

impl Attempt {
    /// Whether the receiver has taken the delivery.
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the receiver wants no more deliveries: 410 (Gone).
    pub(crate) fn ends_the_subscription(&self) -> bool {
        self.http_status == Some(410)
    }
}

impl Delivery {
    /// Whether there is nothing more to do.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.state, State::Pending { .. })
    }

    /// How long to wait after one more attempt that fails at `now`; `None` to give up.
    pub(crate) fn wait_after_failure(
        &self,
        now: Timestamp,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Option<Duration> {
        let age = (now - self.run_began_at).try_into().unwrap_or_default();
        wait(
            self.run_attempts.saturating_add(1),
            age,
            retry_after,
            jitter,
        )
    }

    /// The delivery after the message with number `message_attempt`, which was not stale, led to `attempt`, which is
    /// over at `now`.
    pub(crate) fn tried(
        self,
        message_attempt: u32,
        attempt: Attempt,
        retry_after: Option<Duration>,
        jitter: f64,
        now: Timestamp,
    ) -> Self {
        let failed = |failure| State::Failed { failure };
        let state = if attempt.succeeded() {
            State::Delivered
        } else if attempt.ends_the_subscription() {
            failed(Failure::Gone)
        } else {
            match self.wait_after_failure(now, retry_after, jitter) {
                Some(wait) => State::Pending { due_at: now + wait },
                None => failed(Failure::Exhausted),
            }
        };
        Self {
            state,
            attempt: self.attempt.max(message_attempt.saturating_add(1)),
            run_attempts: self.run_attempts.saturating_add(1),
            ..self.noted(attempt)
        }
    }

    /// The delivery with `attempt` in its list and no other change.
    pub(crate) fn noted(mut self, attempt: Attempt) -> Self {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
        self.attempts.drain(..surplus);
        self
    }

    /// The delivery sent again: the schedule begins anew, and messages that are on their way are stale.
    pub(crate) fn replayed(self, now: Timestamp) -> Self {
        Self {
            state: State::Pending { due_at: now },
            attempt: self.attempt.saturating_add(1),
            run_began_at: now,
            run_attempts: 0,
            replays: self.replays.saturating_add(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let url =
            CallbackUrl::new("https://me:hunter2@backend.example:8443/hunter2?key=hunter2#hunter2");
        assert_eq!(url.without_secrets(), "https://backend.example:8443/…");
        assert_eq!(format!("{url:?}"), "CallbackUrl(backend.example, …)");
        for (url, shown) in [
            (
                "https://hooks.example/services/hunter2",
                "https://hooks.example/…",
            ),
            ("http://[::1]:9", "http://[::1]:9/…"),
            ("data:hunter2", ""),
            ("", ""),
        ] {
            assert_eq!(CallbackUrl::new(url).without_secrets(), shown);
        }
    }
}
