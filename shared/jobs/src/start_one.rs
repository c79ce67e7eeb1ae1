//! Starting what a pipeline put on the queue itself.

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CorrelationId, Problem, StartIssue};

use crate::chunk::PATIENCE_SECONDS;
use crate::decision::{self, Decision};
use crate::message::{StartMessage, Tried};
use crate::ports::{Issuing, Jobs};
use crate::start_chunk::StartQueued;

/// What became of a pipeline's message.
#[derive(Debug, Clone, PartialEq)]
pub enum Single {
    /// The issuance was started, now or before.
    Started(CorrelationId),
    /// It is not what can be started from a queue.
    Malformed(Box<Problem>),
    /// It is refused. Why can repeat a claim, where a wallet says it.
    Refused,
    /// Not yet.
    Later {
        /// When to try again.
        after_seconds: u32,
        /// The message for that, if this one cannot come again: it knows how often it was tried.
        message: Box<StartMessage>,
    },
    /// The wallet has failed for too long.
    GivenUp,
}

impl<J: Jobs, Q: Send + Sync, I: Issuing, S: Clock + IdSource> StartQueued<J, Q, I, S> {
    /// Starts `request`, which was `tried` before or not and is being delivered for the `delivery`-th time.
    /// If it does not name its issuance, `otherwise` does, which must be the same for each delivery.
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
        let now_ms = self.system.now().as_millisecond();
        let tried = tried.unwrap_or(Tried {
            since_ms: now_ms,
            failures: 0,
        });
        match decision::start(&self.issuing, request.clone()).await {
            Ok(started) => Single::Started(started.correlation_id),
            Err((_, Decision::Refused(_))) => Single::Refused,
            Err((_, Decision::Later(later))) => {
                let waited_ms = now_ms.saturating_sub(tried.since_ms);
                if waited_ms.div_euclid(1_000) >= PATIENCE_SECONDS {
                    return Single::GivenUp;
                }
                let failures = tried.failures.saturating_add(delivery);
                let tried = Tried { failures, ..tried };
                Single::Later {
                    after_seconds: self.wait_for(&later, failures),
                    message: Box::new(StartMessage::Start {
                        request: Box::new(request),
                        tried: Some(tried),
                    }),
                }
            }
        }
    }
}
