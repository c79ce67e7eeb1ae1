//! What callers are told when the wallet does not do what it was asked for.

use bestow_contract::{Problem, ProblemKind};

use crate::ports::{TransientError, TransientKind, WalletError};

impl WalletError {
    /// The problem for a caller whose request the wallet did not carry out. A refusal is relayed where the contract
    /// gives its status to the caller's own fault; everything else is the wallet's or the operator's.
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

fn transient_problem(transient: &TransientError) -> Problem {
    let retry_after_seconds = transient
        .retry_after
        .map(|after| u32::try_from(after.as_secs()).unwrap_or(u32::MAX));
    let problem = match transient.kind {
        TransientKind::Unreachable => {
            Problem::wallet_fault("The wallet cannot be reached. Try again later.")
        }
        TransientKind::TimedOut => {
            Problem::wallet_timeout("The wallet did not answer in time. Repeat the request.")
        }
        TransientKind::Busy => {
            let seconds = retry_after_seconds.unwrap_or(1);
            let detail = format!(
                "The wallet behind this service is busy, whatever your own rate: try again in {seconds} s."
            );
            return Problem::new(ProblemKind::TooManyRequests, detail)
                .with_retry_after_seconds(seconds);
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
    match retry_after_seconds {
        Some(seconds) => problem.with_retry_after_seconds(seconds),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_told_that_it_is_the_wallet_that_is_busy() {
        let busy = WalletError::Transient(TransientError {
            kind: TransientKind::Busy,
            retry_after: Some(std::time::Duration::from_secs(7)),
            reason: "it answered 429".to_owned(),
        });
        let problem = busy.problem();
        assert_eq!(
            (problem.status, problem.retry_after_seconds),
            (429, Some(7))
        );
        assert!(problem.detail.contains("wallet"), "{}", problem.detail);
    }
}
