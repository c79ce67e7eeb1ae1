//! Starting what a pipeline put on the queue itself.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CorrelationId, Problem, StartIssue};

use crate::chunk::PATIENCE;
use crate::decision;
use crate::message::{StartMessage, Tried};
use crate::ports::{Issuing, Jobs};
use crate::start_chunk::StartQueued;

/// What became of a pipeline's message.
#[derive(Debug, Clone, PartialEq)]
pub enum Single {
    /// The issuance was started, now or before.
    Started(CorrelationId),
    /// It cannot be started from a queue.
    Malformed(Box<Problem>),
    /// It is refused. Why can repeat a claim, where a wallet says it.
    Refused,
    /// Not yet.
    Later {
        /// When to try again.
        after: Duration,
        /// The message for that, if this one cannot come again: it knows how often it was tried.
        message: Box<StartMessage>,
    },
    /// The wallet has failed for too long.
    GivenUp,
}

impl<J: Jobs, Q: Send + Sync, I: Issuing, S: Clock + IdSource> StartQueued<J, Q, I, S> {
    /// Starts `request`, which was `tried` before or not and is being received for the `delivery`-th time. If it does not
    /// name its issuance, `otherwise` does, which must be the same each time.
    pub async fn start_one(
        &self,
        request: StartIssue,
        tried: Option<Tried>,
        delivery: u32,
        otherwise: impl FnOnce() -> CorrelationId,
    ) -> Single {
        if request.tx_code.is_some() {
            // It would be lost: nobody is told the answer.
            let fault = bestow_contract::FieldError::new(
                "/tx_code",
                "is given: a transaction code cannot be told to anybody from a queue, so leave it out",
            );
            return Single::Malformed(Box::new(Problem::invalid_body(vec![fault])));
        }
        let correlation_id = request.correlation_id.clone().unwrap_or_else(otherwise);
        let request = StartIssue {
            correlation_id: Some(correlation_id),
            qr_code: None,
            ..request
        };
        let now = self.system.now();
        let tried = tried.unwrap_or(Tried {
            since: now,
            failures: 0,
        });
        let retry = match decision::start(&self.issuing, request.clone()).await {
            Ok(started) => return Single::Started(started.correlation_id),
            Err(not_started) => not_started.retry,
        };
        let Some(retry) = retry else {
            return Single::Refused;
        };
        if Duration::try_from(now - tried.since).is_ok_and(|waited| waited >= PATIENCE) {
            return Single::GivenUp;
        }
        let failures = tried.failures.saturating_add(delivery);
        Single::Later {
            after: self.wait_for(retry, failures),
            message: Box::new(StartMessage::Again {
                start: Box::new(request),
                tried: Tried { failures, ..tried },
            }),
        }
    }
}
