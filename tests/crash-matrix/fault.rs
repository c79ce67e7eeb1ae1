//! What is done to a call.

use crate::call::Call;

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed when the call has left it and has not arrived.
    KillBefore,
    /// The process is killed when the call has been answered and the answer has not arrived.
    KillAfter,
    /// AWS throttles the call and all attempts of it.
    Throttled,
    /// The answer is 500; nothing was done.
    Error,
    /// The answer is 500; all was done.
    ErrorAfter,
    /// There is no answer until the caller has lost its patience; nothing was done.
    Silence,
    /// The same; all was done.
    SilenceAfter,
    /// 429 with `Retry-After`.
    Busy,
    /// 503 with `Retry-After`, four times: more often than one message is delivered.
    Down,
    /// All was done, and the answer is no JSON.
    Garbage,
    /// All was done, and the answer ends in the middle.
    Truncated,
    /// All was done, and the answer has 10 MB.
    Huge,
    /// The answer leads elsewhere.
    Redirect,
    /// The wallet's answer tells of an earlier state.
    Backwards,
    /// The message is put on the queue twice.
    Twice,
    /// The message comes ten minutes late, after all that was sent behind it.
    Late,
}

impl Fault {
    pub const ALL: [Self; 16] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::Throttled,
        Self::Error,
        Self::ErrorAfter,
        Self::Silence,
        Self::SilenceAfter,
        Self::Busy,
        Self::Down,
        Self::Garbage,
        Self::Truncated,
        Self::Huge,
        Self::Redirect,
        Self::Backwards,
        Self::Twice,
        Self::Late,
    ];

    /// As it stands at the head of a column, and in a cell's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillBefore => "kill before",
            Self::KillAfter => "kill after",
            Self::Throttled => "throttled",
            Self::Error => "500",
            Self::ErrorAfter => "500, but done",
            Self::Silence => "no answer",
            Self::SilenceAfter => "no answer, but done",
            Self::Busy => "429",
            Self::Down => "down for long",
            Self::Garbage => "garbage",
            Self::Truncated => "truncated",
            Self::Huge => "10 MB",
            Self::Redirect => "redirect",
            Self::Backwards => "goes backwards",
            Self::Twice => "sent twice",
            Self::Late => "sent late",
        }
    }

    pub fn is_kill(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// Whether it can be done to this call at all.
    pub fn fits(self, call: &Call) -> bool {
        match self {
            Self::KillBefore
            | Self::KillAfter
            | Self::Error
            | Self::ErrorAfter
            | Self::Silence
            | Self::SilenceAfter => true,
            Self::Throttled => call.is_aws(),
            Self::Busy | Self::Garbage | Self::Truncated | Self::Huge | Self::Redirect => {
                !call.is_aws()
            }
            Self::Down | Self::Backwards => call.is_report(),
            Self::Twice | Self::Late => call.is_send(),
        }
    }

    /// How many calls in a row it is done to.
    pub fn strikes(self) -> usize {
        if self == Self::Down { 4 } else { 1 }
    }

    /// Whether what was asked for may have been done although the caller does not know.
    pub fn hides_an_answer(self) -> bool {
        matches!(
            self,
            Self::KillAfter
                | Self::ErrorAfter
                | Self::SilenceAfter
                | Self::Garbage
                | Self::Truncated
                | Self::Huge
        )
    }
}
