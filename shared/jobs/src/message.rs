//! What is put on the start queue.

use bestow_contract::{Problem, StartIssue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::chunk::ChunkId;

/// A message of the start queue. Those of jobs name something and carry nothing. A pipeline's own message
/// is the body of Start issue.
#[derive(Debug, Clone, PartialEq)]
pub enum StartMessage {
    /// Start the lines of a chunk that are not done.
    Chunk {
        /// Which chunk.
        id: ChunkId,
        /// How often in a row the wallet has failed.
        failures: u32,
    },
    /// See to a job.
    Job {
        /// Which job.
        job_id: Uuid,
    },
    /// Start an issuance.
    Start {
        /// Which. A message of a pipeline need not name its correlation id.
        request: Box<StartIssue>,
        /// What is known, if it was tried before.
        tried: Option<Tried>,
    },
}

/// A message of a pipeline that could not be started yet and was put on the queue again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When it was first tried, in Unix milliseconds.
    pub since_ms: i64,
    /// How often in a row the wallet has failed.
    pub failures: u32,
}

/// Members of messages of our own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Own {
    Chunk {
        #[serde(flatten)]
        id: ChunkId,
        #[serde(default)]
        failures: u32,
    },
    Job {
        job_id: Uuid,
    },
    Again {
        start: Value,
        tried: Tried,
    },
}

impl StartMessage {
    /// The first message of a chunk.
    pub(crate) fn first(id: ChunkId) -> Self {
        Self::Chunk { id, failures: 0 }
    }

    /// The message in a body of the queue. `check_callback` says what is wrong with the callback of a
    /// pipeline's message ([`StartIssue::from_json_with`]).
    ///
    /// # Errors
    /// The problem of a body that is neither ours nor one of Start issue. It repeats no value.
    pub fn read(
        body: &[u8],
        check_callback: impl FnOnce(&Url) -> Result<(), String>,
    ) -> Result<Self, Problem> {
        let start = |body: &[u8]| {
            let (request, _) = StartIssue::from_json_with(body, |_| Ok(()), check_callback)?;
            Ok::<_, Problem>(Box::new(request))
        };
        // What has no template is none of a pipeline's: there, members that are not known are ignored.
        let own = serde_json::from_slice::<Value>(body)
            .ok()
            .filter(|value| value.get("template_id").is_none())
            .and_then(|value| serde_json::from_value(value).ok());
        match own {
            Some(Own::Chunk { id, failures }) => Ok(Self::Chunk { id, failures }),
            Some(Own::Job { job_id }) => Ok(Self::Job { job_id }),
            Some(Own::Again {
                start: again,
                tried,
            }) => Ok(Self::Start {
                request: start(again.to_string().as_bytes())?,
                tried: Some(tried),
            }),
            None => Ok(Self::Start {
                request: start(body)?,
                tried: None,
            }),
        }
    }

    /// The body for the queue.
    ///
    /// # Errors
    /// What cannot be written as JSON, which no message is.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        let own = match self {
            Self::Chunk { id, failures } => Own::Chunk {
                id: *id,
                failures: *failures,
            },
            Self::Job { job_id } => Own::Job { job_id: *job_id },
            Self::Start {
                request,
                tried: Some(tried),
            } => Own::Again {
                start: serde_json::to_value(request)?,
                tried: *tried,
            },
            Self::Start {
                request,
                tried: None,
            } => return serde_json::to_string(request),
        };
        serde_json::to_string(&own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &[u8]) -> Result<StartMessage, Problem> {
        StartMessage::read(body, |_| Ok(()))
    }

    #[test]
    fn every_message_survives_the_queue() {
        let job_id = Uuid::from_u128(7);
        let body = br#"{"correlation_id": "a", "template_id": "t", "claims": {"x": 1}}"#;
        let request = Box::new(StartIssue::from_json(body).unwrap());
        let tried = Some(Tried {
            since_ms: 5,
            failures: 2,
        });
        for message in [
            StartMessage::Chunk {
                id: ChunkId {
                    job_id,
                    first_line: 26,
                },
                failures: 3,
            },
            StartMessage::Job { job_id },
            StartMessage::Start {
                request: request.clone(),
                tried: None,
            },
            StartMessage::Start { request, tried },
        ] {
            let body = message.write().unwrap();
            assert_eq!(read(body.as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn the_messages_of_jobs_carry_names_only() {
        let id = ChunkId {
            job_id: Uuid::nil(),
            first_line: 1,
        };
        let body = StartMessage::Chunk { id, failures: 0 }.write().unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({"job_id": Uuid::nil(), "chunk": 1, "failures": 0})
        );
    }

    #[test]
    fn a_pipelines_members_are_not_taken_for_ours() {
        let body = json!({"template_id": "t", "claims": {}, "job_id": Uuid::nil(), "chunk": 1});
        let read = read(body.to_string().as_bytes());
        assert!(matches!(read, Ok(StartMessage::Start { tried: None, .. })));
    }

    #[test]
    fn a_malformed_message_has_a_problem_that_repeats_nothing() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            r#"{"claims": {"x": "secret"}}"#,
            r#"{"job_id": "secret"}"#,
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status, 400, "{body}");
            assert!(!format!("{problem:?}").contains("secret"), "{body}");
        }
    }
}
