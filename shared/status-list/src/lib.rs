//! Token Status List (draft-ietf-oauth-status-list): how an issuer tells anyone whether a
//! credential is still valid, without learning who asks.
//!
//! - [`StatusList`]: the packed entries, and their compressed form.
//! - [`StatusListToken`]: the signed list that is published at a URI.
//! - [`UnverifiedStatusList`]: the same from the side that fetches and checks it.
//! - [`StatusReference`]: the place in a credential that points to an entry.
//!
//! The wire format has been stable over the drafts that OpenID4VCI 1.0 (-12), HAIP 1.0 (-14) and
//! DIIP v5 (-15) name; sections below are those of -20.

mod list;
mod reference;
mod status;
mod token;
mod verify;

pub use list::{Bits, EncodedStatusList, ListError, MAX_LIST_BYTES, StatusList};
pub use reference::StatusReference;
pub use status::{Status, UnknownStatusError};
pub use token::{MEDIA_TYPE, StatusListToken};
pub use verify::{StatusListError, UnverifiedStatusList};
