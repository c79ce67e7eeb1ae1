//! What an answer of the wallet, or none, means for an issuance.

use bestow_contract::{IssueStatus, Stage};

use crate::ports::{IssueReport, TransientError};
use crate::record::{Record, State};

/// How long after the reservation a wallet may not know the issuance yet, in milliseconds: an issuance
/// that it does not know after this was never started there.
pub const UNKNOWN_PATIENCE_MS: i64 = 60_000;

/// How long after the last moment to complete an issuance its wallet may fail to say what became of it,
/// in seconds.
pub const OUTAGE_PATIENCE_SECONDS: i64 = 24 * 60 * 60;

/// What is known after asking the wallet, or after not asking it.
pub(crate) enum Finding {
    Report(IssueReport),
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
    /// It is over, and not by what the wallet says.
    Over(End),
    /// It is over before anybody was told that it was accepted: there is nothing to end.
    NeverStarted,
}

/// How an issuance ends that the wallet does not end.
pub(crate) struct End {
    pub(crate) stage: Stage,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

const EXPIRED: End = End {
    stage: Stage::Expired,
    code: "expired",
    message: "The offer expired before the customer took the credential.",
};
const UNKNOWN_TO_WALLET: End = End {
    stage: Stage::Failed,
    code: "unknown_to_wallet",
    message: "The wallet does not know this issuance any more.",
};
const REFUSED: End = End {
    stage: Stage::Failed,
    code: "wallet_refused",
    message: "The wallet refused to say what became of the issuance.",
};
const UNREACHABLE: End = End {
    stage: Stage::Failed,
    code: "wallet_unreachable",
    message: "The wallet did not say in time what became of the issuance.",
};

/// Judges what was found by asking at `asked_at_ms` (Unix milliseconds): an answer can only tell how things
/// were when it was asked for, however long it took.
pub(crate) fn decide<'f>(record: &Record, finding: &'f Finding, asked_at_ms: i64) -> Decision<'f> {
    let asked_at = asked_at_ms.div_euclid(1_000);
    let schedule = record.schedule();
    if record.lease_until_ms(asked_at_ms).is_some() {
        return Decision::GoesOn;
    }
    let over = |end| match record.state {
        State::Reserved { .. } => Decision::NeverStarted,
        _ => Decision::Over(end),
    };
    match finding {
        Finding::StillStarting => Decision::GoesOn,
        Finding::Report(IssueReport::Known(report)) => {
            if !report.status.is_terminal() && schedule.is_over(asked_at) {
                over(EXPIRED)
            } else {
                Decision::Observed(report)
            }
        }
        Finding::Report(IssueReport::Unknown) => match record.state {
            State::Reserved { .. }
                if asked_at_ms - record.reserved_at_ms >= UNKNOWN_PATIENCE_MS =>
            {
                Decision::NeverStarted
            }
            State::Reserved { .. } => Decision::GoesOn,
            // It made the offer, so this is more likely a wallet that is being moved than one that forgot.
            _ if schedule.is_over(asked_at) => over(UNKNOWN_TO_WALLET),
            _ => Decision::GoesOn,
        },
        Finding::Refused => over(REFUSED),
        Finding::Failing(_) => {
            let too_late = schedule.deadline().saturating_add(OUTAGE_PATIENCE_SECONDS);
            if asked_at < too_late {
                Decision::GoesOn
            } else {
                over(UNREACHABLE)
            }
        }
    }
}
