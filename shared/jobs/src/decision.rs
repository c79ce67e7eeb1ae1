//! What a failure of Start issue means for something that can wait.

use std::time::Duration;

use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_issuance::ports::{RecordsError, TransientKind, WalletError};
use bestow_issuance::{StartIssueErrorKind, StartedIssue};

use crate::ports::Issuing;

/// An issuance was not started.
#[derive(Debug)]
pub(crate) struct NotStarted {
    pub(crate) correlation_id: CorrelationId,
    /// What is told if it is not tried again.
    pub(crate) problem: Problem,
    /// How it is tried again; `None` if it is refused, and would be again.
    pub(crate) retry: Option<Retry>,
}

/// When to try again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    pub(crate) waits_for: WaitsFor,
    /// After how long the wallet wants to be asked again, if it said so.
    pub(crate) retry_after: Option<Duration>,
}

/// Who is to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// The same request, which is being worked on.
    Itself,
    /// The wallet, or a service of ours, which fails at everything.
    Everything,
    /// The wallet, which failed at this one and may do others.
    Wallet,
}

fn retry(cause: &StartIssueErrorKind) -> Option<Retry> {
    let (waits_for, retry_after) = match cause {
        StartIssueErrorKind::Conflict
        | StartIssueErrorKind::Ended
        | StartIssueErrorKind::AnotherOffer
        | StartIssueErrorKind::Wallet(WalletError::Refused(_))
        | StartIssueErrorKind::Records(RecordsError::Malformed { .. }) => return None,
        StartIssueErrorKind::InProgress => (WaitsFor::Itself, None),
        StartIssueErrorKind::Wallet(WalletError::Transient(transient)) => {
            let waits_for = match transient.kind {
                TransientKind::Unreachable
                | TransientKind::Busy
                | TransientKind::Unavailable
                | TransientKind::CredentialsRejected => WaitsFor::Everything,
                TransientKind::TimedOut | TransientKind::Faulty => WaitsFor::Wallet,
            };
            (waits_for, transient.retry_after)
        }
        StartIssueErrorKind::Records(RecordsError::Unavailable(_))
        | StartIssueErrorKind::Queue(_)
        | StartIssueErrorKind::Contention => (WaitsFor::Everything, None),
    };
    Some(Retry {
        waits_for,
        retry_after,
    })
}

/// Starts an issuance, and logs in one line what came of it.
pub(crate) async fn start(
    issuing: &impl Issuing,
    request: StartIssue,
) -> Result<StartedIssue, NotStarted> {
    let template_id = request.template_id.clone();
    let failure = match issuing.start_issue(request).await {
        Ok(started) => {
            let StartedIssue {
                correlation_id,
                is_repeat,
                ..
            } = &started;
            tracing::info!(%correlation_id, template_id, is_repeat, "a queued issuance was started");
            return Ok(started);
        }
        Err(failure) => failure,
    };
    let (problem, retry) = (failure.problem(), retry(&failure.cause));
    let correlation_id = &failure.correlation_id;
    match retry.map(|retry| retry.waits_for) {
        None => {
            let status = problem.status;
            tracing::info!(%correlation_id, template_id, status, "a queued issuance was refused");
        }
        Some(WaitsFor::Itself) => {
            tracing::info!(%correlation_id, template_id, "a queued issuance is being started by someone else");
        }
        Some(WaitsFor::Everything | WaitsFor::Wallet) => {
            tracing::warn!(%correlation_id, template_id, fault = %failure, "a queued issuance could not be started yet");
        }
    }
    Err(NotStarted {
        correlation_id: failure.correlation_id,
        problem,
        retry,
    })
}
