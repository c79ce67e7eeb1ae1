//! What an answer, or the lack of one, means to whoever asked the wallet.

use bestow_contract::{PROBLEM_JSON, Problem};
use bestow_issuance::LONGEST_DELAY;
use bestow_issuance::ports::{TransientError, TransientKind, WalletError};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::guarded_client::{Answer, SendError};
use crate::retry_after::retry_after;

/// The answer, if it is a success. The reasons of failures name the status and nothing of the body.
///
/// The wallet itself refuses with a problem, as the contract has it. Any other refusal comes from something before it,
/// such as a gateway, and may pass.
pub(crate) fn success(answer: Answer) -> Result<Answer, WalletError> {
    let status = answer.status;
    let kind = match status.as_u16() {
        200..=299 => return Ok(answer),
        401 | 403 => TransientKind::CredentialsRejected,
        408 | 504 => TransientKind::TimedOut,
        429 => TransientKind::Busy,
        503 => TransientKind::Unavailable,
        425 => TransientKind::Faulty,
        400..=499 if is_problem(&answer) => {
            let problem = Problem::from_answer(status.as_u16(), &answer.body);
            return Err(WalletError::Refused(problem));
        }
        _ => TransientKind::Faulty,
    };
    let retry_after = retry_after(&answer.headers, Timestamp::now(), LONGEST_DELAY);
    Err(WalletError::Transient(TransientError {
        kind,
        retry_after,
        reason: reason_of(status),
    }))
}

fn reason_of(status: StatusCode) -> String {
    match status.as_u16() {
        300..=399 => format!("it answered {status}, and redirects are not followed"),
        401 | 403 => format!("it answered {status}: check the configured credentials"),
        404 => format!("it answered {status} without a problem: check WALLET_BASE_URL"),
        _ => format!("it answered {status}"),
    }
}

/// Whether the body is a JSON object that is said to be a problem (RFC 9457), or has a member that makes it one: a
/// gateway's `{"message": "Not Found"}` is none.
fn is_problem(answer: &Answer) -> bool {
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(&answer.body) else {
        return false;
    };
    let media_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next())
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(PROBLEM_JSON)
        || ["detail", "title"]
            .iter()
            .any(|name| members.get(*name).is_some_and(Value::is_string))
}

/// The body as a `T`.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, WalletError> {
    // The fault's own text can repeat a value of the body.
    serde_json::from_slice(&answer.body).map_err(|fault| {
        faulty(format!(
            "its answer is not what the contract says, at line {} column {} of {} bytes",
            fault.line(),
            fault.column(),
            answer.body.len()
        ))
    })
}

/// The failure of a wallet whose answer breaks the contract.
pub(crate) fn faulty(reason: impl Into<String>) -> WalletError {
    transient(TransientKind::Faulty, reason)
}

pub(crate) fn transient(kind: TransientKind, reason: impl Into<String>) -> WalletError {
    WalletError::Transient(TransientError {
        kind,
        retry_after: None,
        reason: reason.into(),
    })
}

impl From<SendError> for TransientError {
    fn from(fault: SendError) -> Self {
        let kind = match &fault {
            SendError::Timeout => TransientKind::TimedOut,
            SendError::TooLarge { .. } | SendError::Broken(_) => TransientKind::Faulty,
            SendError::Unreachable(_)
            | SendError::UrlError(_)
            | SendError::ForbiddenAddress
            | SendError::Unsendable(_) => TransientKind::Unreachable,
        };
        Self {
            kind,
            retry_after: None,
            reason: fault.to_string(),
        }
    }
}
