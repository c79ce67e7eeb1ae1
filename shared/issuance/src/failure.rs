//! What callers are told when the wallet does not do what it was asked for.

use contract::{Problem, ProblemKind};

use crate::ports::{Transient, TransientKind, WalletFailure};

impl WalletFailure {
    /// The problem for a caller whose request the wallet did not carry out. A refusal is relayed where
    /// the contract gives its status to the caller's own fault; everything else is the wallet's or the
    /// operator's.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(problem) => refusal(problem),
            Self::Transient(transient) => transient_problem(transient),
        }
    }
}

fn refusal(problem: &Problem) -> Problem {
    match problem.kind() {
        Some(
            kind @ (ProblemKind::InvalidRequest
            | ProblemKind::NotFound
            | ProblemKind::Conflict
            | ProblemKind::TooLarge
            | ProblemKind::ClaimsRejected),
        ) => Problem::new(kind, problem.detail.clone()).with_errors(problem.errors.clone()),
        _ => Problem::wallet_fault(
            "The wallet refused the request in a way that is not the caller's fault.",
        ),
    }
}

fn transient_problem(transient: &Transient) -> Problem {
    let problem = match transient.kind {
        TransientKind::Unreachable => {
            Problem::wallet_fault("The wallet cannot be reached. Try again later.")
        }
        TransientKind::TimedOut => {
            Problem::wallet_timeout("The wallet did not answer in time. Repeat the request.")
        }
        TransientKind::Busy => {
            return Problem::too_many_requests(transient.retry_after_seconds.unwrap_or(1));
        }
        TransientKind::Unavailable => {
            Problem::unavailable("The wallet is not available. Try again later.")
        }
        TransientKind::Faulty => Problem::wallet_fault(
            "The wallet failed, or answered with something that cannot be understood.",
        ),
        TransientKind::CredentialsRejected => {
            Problem::wallet_fault("The wallet does not accept the credentials of this deployment.")
        }
    };
    match transient.retry_after_seconds {
        Some(seconds) => problem.with_retry_after_seconds(seconds),
        None => problem,
    }
}
