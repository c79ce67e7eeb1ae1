//! Messages of the start queue.

use bestow_contract::{Problem, StartIssue};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::chunk::ChunkId;

/// A message of the start queue. Those of jobs carry names only; a pipeline's own message is the body of Start issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum StartMessage {
    /// Start the lines of a chunk that are not done.
    Chunk {
        /// Which chunk.
        #[serde(flatten)]
        id: ChunkId,
        /// How often in a row the wallet has failed.
        failures: u32,
    },
    /// Look after a job.
    Job {
        /// Which job.
        job_id: Uuid,
    },
    /// Start an issuance that a pipeline asked for. It need not name its correlation id.
    Start(Box<StartIssue>),
    /// Start it, after it could not be started yet.
    Again {
        /// The issuance.
        start: Box<StartIssue>,
        /// What is known of it.
        tried: Tried,
    },
}

/// What is known of a pipeline's message that could not be started yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When it was first tried.
    #[serde(rename = "since_ms", with = "millisecond::required")]
    pub since: Timestamp,
    /// How often in a row the wallet has failed.
    pub failures: u32,
}

/// A message of our own, as it is read.
#[derive(Deserialize)]
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

    /// The message in a body of the queue. `check_callback` says what is wrong with the callback of a pipeline's message
    /// ([`StartIssue::from_json_with`]).
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
        // What has a template is a pipeline's, in which unknown members are ignored.
        let own = serde_json::from_slice::<Value>(body)
            .ok()
            .filter(|value| value.get("template_id").is_none())
            .and_then(|value| serde_json::from_value(value).ok());
        Ok(match own {
            Some(Own::Chunk { id, failures }) => Self::Chunk { id, failures },
            Some(Own::Job { job_id }) => Self::Job { job_id },
            Some(Own::Again {
                start: again,
                tried,
            }) => Self::Again {
                start: start(again.to_string().as_bytes())?,
                tried,
            },
            None => Self::Start(start(body)?),
        })
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
        let tried = Tried {
            since: Timestamp::from_millisecond(5).unwrap(),
            failures: 2,
        };
        for message in [
            StartMessage::Chunk {
                id: ChunkId {
                    job_id,
                    first_line: 26,
                },
                failures: 3,
            },
            StartMessage::Job { job_id },
            StartMessage::Start(request.clone()),
            StartMessage::Again {
                start: request,
                tried,
            },
        ] {
            let body = serde_json::to_string(&message).unwrap();
            assert_eq!(read(body.as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn the_messages_of_jobs_carry_names_only() {
        let id = ChunkId {
            job_id: Uuid::nil(),
            first_line: 1,
        };
        let body = serde_json::to_value(StartMessage::first(id)).unwrap();
        assert_eq!(
            body,
            json!({"job_id": Uuid::nil(), "chunk": 1, "failures": 0})
        );
    }

    #[test]
    fn what_was_tried_says_since_when_in_milliseconds() {
        let start = json!({"template_id": "t", "claims": {}});
        let body = json!({"start": start, "tried": {"since_ms": 5, "failures": 2}});
        let message = read(body.to_string().as_bytes()).unwrap();
        let written = serde_json::to_value(&message).unwrap();
        assert_eq!(written["tried"], body["tried"]);
    }

    #[test]
    fn a_pipelines_members_are_not_taken_for_ours() {
        let body = json!({"template_id": "t", "claims": {}, "job_id": Uuid::nil(), "chunk": 1});
        let read = read(body.to_string().as_bytes());
        assert!(matches!(read, Ok(StartMessage::Start(_))));
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
