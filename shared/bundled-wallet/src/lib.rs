//! The bundled wallet: the issuer on DynamoDB and KMS, and the backend's ports on it, which are called in process.
//!
//! | port | here | what it needs |
//! |---|---|---|
//! | [`bestow_issuance::ports::IssuingWallet`] | [`BundledIssuing`] | the table, the wallet's secret |
//! | [`bestow_issuance::ports::ReportingWallet`] | [`BundledReports`] | the table |
//! | [`bestow_issuance::ports::CredentialWallet`] | [`BundledCredentials`] | the table |
//!
//! The backend's own tables cannot be named here, nor can the backend name this one.

pub mod config;
mod credentials;
mod failure;
mod issuing;
mod kms_key;
mod reports;
#[cfg(test)]
mod test_log;
mod wallet_table;

pub use credentials::BundledCredentials;
pub use issuing::BundledIssuing;

pub use kms_key::{KmsKey, KmsKeyError};
pub use reports::{BundledReports, ChangedOffer};
pub use wallet_table::{CLAIMS_TO_ERASE, Creation, StatusChangeOutcome, WalletTable};
