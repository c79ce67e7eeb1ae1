//! Where a credential says which entry is its own.

use serde::{Deserialize, Serialize};

/// The `status` claim of a credential (§6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusClaim {
    /// The entry in a Token Status List.
    pub status_list: StatusReference,
}

/// One entry of one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// The entry's index, from 0.
    pub idx: u64,
    /// Where the Status List Token is published; equals its `sub`.
    pub uri: String,
}

impl From<StatusReference> for StatusClaim {
    fn from(status_list: StatusReference) -> Self {
        Self { status_list }
    }
}
