//! Where a credential says which entry is its own.

use serde::{Deserialize, Serialize};

/// One entry of one list: `status_list` in the `status` claim of a credential (§6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// The entry's index, from 0.
    pub idx: u64,
    /// Where the Status List Token is published; equals its `sub`.
    pub uri: String,
}
