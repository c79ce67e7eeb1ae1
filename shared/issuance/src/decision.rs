//! What an answer of the wallet, or none, means for an issuance.

use std::time::Duration;

use bestow_contract::{IssueError, IssueStatus, Stage};
use jiff::Timestamp;

use crate::ports::TransientError;
use crate::record::{Record, State};

/// How long after the reservation a wallet may not know the issuance yet: one that it does not know later was never
/// started there.
pub const UNKNOWN_PATIENCE: Duration = Duration::from_secs(60);

/// How long after the last moment to complete an issuance its wallet may fail to say what became of it.
pub const OUTAGE_PATIENCE: Duration = Duration::from_hours(24);

/// What is known after asking the wallet, or after not asking it.
pub(crate) enum Finding {
    /// What the wallet says, if it knows the issuance.
    Report(Option<IssueStatus>),
    Refused,
    Failing(TransientError),
    /// Start issue may still be at work.
    StillStarting,
}

/// What a finding means for an issuance.
pub(crate) enum Decision<'f> {
    /// Nothing new.
    GoesOn,
    /// The wallet says how things are.
    Observed(&'f IssueStatus),
    /// It ends, and the wallet does not end it.
    Over(Stage, IssueError),
    /// It ends before anybody was told that it was accepted.
    NeverStarted,
}

/// Judges what was found by asking at `asked_at`: however long the answer took, it tells how things were then.
pub(crate) fn decide<'f>(
    record: &Record,
    finding: &'f Finding,
    asked_at: Timestamp,
) -> Decision<'f> {
    if record.lease_until(asked_at).is_some() {
        return Decision::GoesOn;
    }
    let is_reserved = matches!(record.state, State::Reserved { .. });
    let over = |stage, code, message| match is_reserved {
        true => Decision::NeverStarted,
        false => Decision::Over(stage, IssueError::new(code, message)),
    };
    let deadline = record.schedule().deadline();
    match finding {
        Finding::StillStarting => Decision::GoesOn,
        Finding::Report(Some(report)) if report.status.is_terminal() || asked_at < deadline => {
            Decision::Observed(report)
        }
        Finding::Report(Some(_)) => over(
            Stage::Expired,
            "expired",
            "The offer expired before the customer took the credential.",
        ),
        Finding::Report(None) if is_reserved => {
            if asked_at < record.reserved_at + UNKNOWN_PATIENCE {
                Decision::GoesOn
            } else {
                Decision::NeverStarted
            }
        }
        // It made the offer, so this is more likely a wallet that is being moved than one that forgot.
        Finding::Report(None) if asked_at < deadline => Decision::GoesOn,
        Finding::Report(None) => over(
            Stage::Failed,
            "unknown_to_wallet",
            "The wallet does not know this issuance any more.",
        ),
        Finding::Refused => over(
            Stage::Failed,
            "wallet_refused",
            "The wallet refused to say what became of the issuance.",
        ),
        Finding::Failing(_) if asked_at < deadline + OUTAGE_PATIENCE => Decision::GoesOn,
        Finding::Failing(_) => over(
            Stage::Failed,
            "wallet_unreachable",
            "The wallet did not say in time what became of the issuance.",
        ),
    }
}
