//! What is known about one delivery, and how it changes.

use std::fmt;

use bestow_contract::{Stage, Status};
use serde::{Deserialize, Serialize};
use url::{Origin, Url};

use crate::delivery_id::DeliveryId;
use crate::schedule::wait_seconds;

/// How long a delivery is kept after its last change, in seconds: as long it can be listed and replayed.
pub const RETENTION_SECONDS: i64 = 30 * 24 * 60 * 60;

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

    /// Scheme, host and port, for whoever may see the issuance: everything else may be a secret, also the
    /// path.
    pub fn without_secrets(&self) -> String {
        match Url::parse(&self.0).map(|url| url.origin()) {
            Ok(origin @ Origin::Tuple(..)) => format!("{}/…", origin.ascii_serialization()),
            Ok(Origin::Opaque(_)) | Err(_) => String::new(),
        }
    }

    /// The host, for the log.
    pub fn host(&self) -> String {
        Url::parse(&self.0)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackUrl({}, …)", self.host())
    }
}

/// One change of an issuance on its way to one receiver. Serialised it is flat: `state` is the name of the
/// [`State`], whose members stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name.
    #[serde(rename = "delivery_id")]
    pub id: DeliveryId,
    /// Where it goes.
    pub url: CallbackUrl,
    /// What is posted, byte for byte: the status object of the contract as JSON.
    pub body: String,
    /// The status that it announces.
    pub status: Status,
    /// The stage that it announces.
    pub stage: Option<Stage>,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// What became of it so far.
    #[serde(flatten)]
    pub state: State,
    /// The message that is awaited: one with a lower attempt is stale.
    pub attempt: u32,
    /// When the present run of the schedule began, in Unix milliseconds.
    pub run_began_at_ms: i64,
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
        /// When it is tried next, in Unix milliseconds.
        due_at_ms: i64,
    },
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Declares a set of names for programs, which are stored and shown.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident { $($(#[$item_doc:meta])* $item:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $set {
            $($(#[$item_doc])* #[serde(rename = $name)] $item,)+
        }

        impl $set {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$item),+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $name,)+
                }
            }
        }
    };
}

names! {
    /// Why a delivery was given up.
    Failure {
        /// Every attempt of the schedule failed.
        Exhausted = "exhausted",
        /// The receiver answered 410: it wants no more of them.
        Gone = "gone",
        /// The receiver had answered 410 to another one before.
        SubscriptionEnded = "subscription_ended",
        /// The operator has taken the subscription out of the configuration.
        Unsubscribed = "unsubscribed",
    }
}

names! {
    /// Why an attempt failed.
    AttemptError {
        /// An answer that is no success.
        HttpStatus = "http_status",
        /// An answer that leads elsewhere: redirects are not followed.
        Redirect = "redirect",
        /// There was no answer in time.
        Timeout = "timeout",
        /// None was made: posts to the host run into their time-out, and another one finds out whether they still do.
        HostHangs = "host_hangs",
        /// Nobody listens there.
        ConnectionRefused = "connection_refused",
        /// The certificate is not trusted, or TLS could not be agreed on.
        Tls = "tls",
        /// The name could not be resolved, or no connection be made.
        Unreachable = "unreachable",
        /// The connection broke, or what came was not HTTP.
        ConnectionBroken = "connection_broken",
        /// The name leads to an address that may not be reached.
        ForbiddenAddress = "forbidden_address",
        /// The URL may not be called, whatever it leads to.
        UrlError = "forbidden_url",
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, in Unix milliseconds.
    pub at_ms: i64,
    /// The status of the answer, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

/// The status by which a receiver says that it wants no more deliveries.
const GONE: u16 = 410;

impl Attempt {
    /// Whether the receiver has taken the delivery.
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the receiver wants no more deliveries.
    pub fn ends_the_subscription(&self) -> bool {
        self.http_status == Some(GONE)
    }
}

impl Delivery {
    /// Whether there is nothing more to do.
    pub fn is_settled(&self) -> bool {
        !matches!(self.state, State::Pending { .. })
    }

    /// Whether an attempt that fails at `now_ms` is followed by another one.
    pub(crate) fn may_be_tried_later(&self, now_ms: i64) -> bool {
        wait_seconds(
            self.run_attempts.saturating_add(1),
            self.age_seconds(now_ms),
            None,
            1.0,
        )
        .is_some()
    }

    /// How long ago the first attempt of this run began, in seconds.
    fn age_seconds(&self, now_ms: i64) -> i64 {
        now_ms
            .saturating_sub(self.run_began_at_ms)
            .div_euclid(1_000)
    }

    /// The delivery after the message with number `message_attempt`, which was not stale, led to `attempt`,
    /// which is over at `now_ms`.
    pub(crate) fn tried(
        &self,
        message_attempt: u32,
        attempt: Attempt,
        retry_after_seconds: Option<u32>,
        jitter: f64,
        now_ms: i64,
    ) -> Self {
        let run_attempts = self.run_attempts.saturating_add(1);
        let age_seconds = self.age_seconds(now_ms);
        let state = if attempt.succeeded() {
            State::Delivered
        } else if attempt.ends_the_subscription() {
            State::Failed {
                failure: Failure::Gone,
            }
        } else {
            match wait_seconds(run_attempts, age_seconds, retry_after_seconds, jitter) {
                Some(wait) => State::Pending {
                    due_at_ms: now_ms.saturating_add(i64::from(wait) * 1_000),
                },
                None => State::Failed {
                    failure: Failure::Exhausted,
                },
            }
        };
        Self {
            state,
            attempt: self.attempt.max(message_attempt.saturating_add(1)),
            run_attempts,
            ..self.noted(attempt)
        }
    }

    /// The delivery with `attempt` in its list, which changes nothing else: it was dealt with meanwhile.
    pub(crate) fn noted(&self, attempt: Attempt) -> Self {
        let mut after = self.clone();
        after.attempts.push(attempt);
        let surplus = after.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
        after.attempts.drain(..surplus);
        after
    }

    /// The delivery given up without an attempt.
    pub(crate) fn given_up(&self, failure: Failure) -> Self {
        Self {
            state: State::Failed { failure },
            ..self.clone()
        }
    }

    /// The delivery sent again: the schedule begins anew, and messages that are on their way are stale.
    pub(crate) fn replayed(&self, now_ms: i64) -> Self {
        Self {
            state: State::Pending { due_at_ms: now_ms },
            attempt: self.attempt.saturating_add(1),
            run_began_at_ms: now_ms,
            run_attempts: 0,
            replays: self.replays.saturating_add(1),
            ..self.clone()
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
