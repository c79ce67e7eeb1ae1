//! What an entry says.

/// The status of a credential (§7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::FromRepr)]
#[repr(u8)]
pub enum Status {
    /// Valid, correct or legal.
    Valid = 0,
    /// Revoked: there is no way back.
    Invalid = 1,
    /// Invalid for the time being; needs a list of 2 bits or more.
    Suspended = 2,
}

/// An entry holds a value that the specification leaves to applications or reserves. A relying
/// party must not take such a credential for valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the status value {0} has no meaning here")]
pub struct UnknownStatusError(pub u8);

impl From<Status> for u8 {
    fn from(status: Status) -> Self {
        status as Self
    }
}

impl TryFrom<u8> for Status {
    type Error = UnknownStatusError;

    fn try_from(value: u8) -> Result<Self, UnknownStatusError> {
        Self::from_repr(value).ok_or(UnknownStatusError(value))
    }
}
