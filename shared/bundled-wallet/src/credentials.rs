//! Credential status: revoked, suspended or valid, and published with the same write.

use std::sync::Arc;

use bestow_aws::sdk::Sdk;
use bestow_contract::{CredentialStatusAnswer, CredentialStatusChange};
use bestow_issuance::ports::{CredentialWallet, WalletError};
use bestow_issuer::{IssuerIdentifier, RevocationUuid, StatusRecord, unknown_credential};
use bestow_runtime::{ConfigError, Env};
use uuid::Uuid;

use crate::config;
use crate::failure::{contended, unavailable};
use crate::wallet_table::{StatusChangeOutcome, WalletTable};

/// Times that a status change is decided anew because another one came first.
const DECISIONS: u32 = 5;

/// The bundled wallet as one that keeps the status of what it issued.
#[derive(Clone)]
pub struct BundledCredentials {
    identifier: Arc<IssuerIdentifier>,
    table: WalletTable,
}

impl BundledCredentials {
    /// Reads `WALLET_TABLE` and `CREDENTIAL_ISSUER`. A fault names its variable.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        Ok(Self {
            identifier: Arc::new(config::identifier(env)?),
            table: config::table(env, sdk)?,
        })
    }

    async fn status_record(&self, uuid: RevocationUuid) -> Result<StatusRecord, WalletError> {
        self.table
            .status(uuid)
            .await
            .map_err(|fault| unavailable(&fault))?
            .ok_or_else(unknown)
    }

    fn answer(
        &self,
        record: &StatusRecord,
        uuid: RevocationUuid,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        record
            .answer(&self.identifier, uuid)
            .map_err(WalletError::Refused)
    }
}

impl CredentialWallet for BundledCredentials {
    async fn set_credential_status(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let uuid = RevocationUuid::try_from(revocation_uuid).map_err(|_| unknown())?;
        for _ in 0..DECISIONS {
            let record = self.status_record(uuid).await?;
            let change = record.change(uuid, change, config::now());
            let Some(decided) = change.map_err(WalletError::Refused)? else {
                return self.answer(&record, uuid);
            };
            let outcome = self
                .table
                .change_status(record.status, &decided)
                .await
                .map_err(|fault| unavailable(&fault))?;
            match outcome {
                StatusChangeOutcome::Changed => return self.answer(&decided, uuid),
                StatusChangeOutcome::Outdated => {}
                StatusChangeOutcome::Contended => break,
            }
        }
        Err(contended(
            "the status, or others of its list, are being changed",
        ))
    }

    async fn credential_status(
        &self,
        revocation_uuid: Uuid,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let uuid = RevocationUuid::try_from(revocation_uuid).map_err(|_| unknown())?;
        let record = self.status_record(uuid).await?;
        self.answer(&record, uuid)
    }
}

fn unknown() -> WalletError {
    WalletError::Refused(unknown_credential())
}
