//! The bundled wallet's ports on AWS: its table on DynamoDB and its signing key in KMS.
//!
//! The backend is a bounded context of its own: it cannot name what is here, nor does this crate know
//! what is the backend's.

mod kms_key;
mod wallet_table;

pub use kms_key::{KmsKey, KmsKeyError};
pub use wallet_table::{CLAIMS_TO_ERASE, Creation, OfferStep, StatusChangeOutcome, WalletTable};
