//! What an entry says.

/// The status of a credential (§7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// 0: valid, correct or legal.
    Valid,
    /// 1: revoked, annulled, taken back; there is no way back.
    Invalid,
    /// 2: invalid for the time being; needs a list of 2 bits or more.
    Suspended,
}

/// An entry holds a value that the specification leaves to applications or reserves. A relying
/// party must not take such a credential for valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the status value {0} has no meaning here")]
pub struct UnknownStatusError(pub u8);

impl Status {
    /// The value of the entry.
    pub const fn value(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
        }
    }
}

impl From<Status> for u8 {
    fn from(status: Status) -> Self {
        status.value()
    }
}

impl TryFrom<u8> for Status {
    type Error = UnknownStatusError;

    fn try_from(value: u8) -> Result<Self, UnknownStatusError> {
        match value {
            0 => Ok(Self::Valid),
            1 => Ok(Self::Invalid),
            2 => Ok(Self::Suspended),
            other => Err(UnknownStatusError(other)),
        }
    }
}
