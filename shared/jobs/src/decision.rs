//! What a failure of Start issue means for something that can wait.

use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_issuance::ports::{RecordsError, TransientKind, WalletError};
use bestow_issuance::{StartIssueError, StartIssueErrorKind, StartedIssue};

use crate::ports::Issuing;

/// What is to be done about an issuance that was not started.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    /// Nothing: it is refused, and would be again.
    Refused(Problem),
    /// It is to be tried again.
    Later(Later),
}

/// When and how to try again.
#[derive(Debug, Clone)]
pub(crate) struct Later {
    /// What is told if there is no time left to try again.
    pub(crate) problem: Problem,
    /// Who is to be waited for.
    pub(crate) waits_for: WaitsFor,
    /// After how many seconds the wallet wants to be asked again, if it said so.
    pub(crate) retry_after_seconds: Option<u32>,
}

/// Who is to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// The same request, which is being worked on.
    Itself,
    /// The wallet, or a service of ours, which fails at everybody.
    Everything,
    /// The wallet, which failed at this one and may be well at others.
    Wallet,
}

fn decide(failure: &StartIssueError) -> Decision {
    let problem = failure.problem();
    let later = |waits_for, retry_after_seconds| {
        Decision::Later(Later {
            problem: problem.clone(),
            waits_for,
            retry_after_seconds,
        })
    };
    match &failure.cause {
        StartIssueErrorKind::Conflict
        | StartIssueErrorKind::Ended
        | StartIssueErrorKind::AnotherOffer
        | StartIssueErrorKind::Wallet(WalletError::Refused(_))
        | StartIssueErrorKind::Records(RecordsError::Malformed { .. }) => {
            Decision::Refused(problem.clone())
        }
        StartIssueErrorKind::InProgress => later(WaitsFor::Itself, Some(1)),
        StartIssueErrorKind::Wallet(WalletError::Transient(transient)) => {
            let waits_for = match transient.kind {
                TransientKind::Unreachable
                | TransientKind::Busy
                | TransientKind::Unavailable
                | TransientKind::CredentialsRejected => WaitsFor::Everything,
                TransientKind::TimedOut | TransientKind::Faulty => WaitsFor::Wallet,
            };
            later(waits_for, transient.retry_after_seconds)
        }
        StartIssueErrorKind::Records(RecordsError::Unavailable(_))
        | StartIssueErrorKind::Queue(_)
        | StartIssueErrorKind::Contention => later(WaitsFor::Everything, None),
    }
}

/// Starts an issuance, or judges why it was not started. One line in the log tells of it.
pub(crate) async fn start(
    issuing: &impl Issuing,
    request: StartIssue,
) -> Result<StartedIssue, (CorrelationId, Decision)> {
    let template_id = request.template_id.clone();
    match issuing.start_issue(request).await {
        Ok(started) => {
            tracing::info!(
                correlation_id = %started.correlation_id,
                template_id,
                is_repeat = started.is_repeat,
                "a queued issuance was started"
            );
            Ok(started)
        }
        Err(failure) => {
            let decision = decide(&failure);
            log(&failure, &decision, &template_id);
            Err((failure.correlation_id, decision))
        }
    }
}

fn log(failure: &StartIssueError, decision: &Decision, template_id: &str) {
    let correlation_id = &failure.correlation_id;
    match decision {
        Decision::Refused(problem) => {
            let status = problem.status;
            tracing::info!(%correlation_id, template_id, status, "a queued issuance was refused");
        }
        Decision::Later(Later {
            waits_for: WaitsFor::Itself,
            ..
        }) => {
            tracing::info!(%correlation_id, template_id, "a queued issuance is being started by someone else");
        }
        Decision::Later(_) => {
            tracing::warn!(%correlation_id, template_id, fault = %failure, "a queued issuance could not be started yet");
        }
    }
}
