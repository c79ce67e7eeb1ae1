//! What the holder keeps: its key, and the credentials that it took.

use std::fs;
use std::path::{Path, PathBuf};

use bestow_jose::CertificateChain;
use bestow_signing::LocalKey;
use serde::{Deserialize, Serialize};

use super::error::HolderError;
use crate::data::data_dir::{create_private_dir, kept_text, write_private};
use crate::data::identity::AUTHORITY_FILE;

const KEY_FILE: &str = "holder-key.pem";

/// A credential in the wallet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The name that the issuer shows it under.
    pub(super) name: String,
    pub(super) credential_configuration_id: String,
    pub(super) credential_issuer: String,
    pub(super) received_at_seconds: i64,
    /// The SD-JWT with every disclosure.
    pub(super) credential: String,
}

/// The holder's directory, `wallet` in the data directory. A local cloud may be running on the same
/// data directory: the two share no file that either of them changes.
#[derive(Debug)]
pub(super) struct Keep {
    data_dir: PathBuf,
    wallet: PathBuf,
}

impl Keep {
    /// Nothing is made or read yet.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            wallet: data_dir.join("wallet"),
        }
    }

    /// The holder's key, which is made the first time.
    pub(super) fn key(&self) -> Result<LocalKey, HolderError> {
        let unusable = |fault| HolderError::malformed("the holder's key", fault);
        let pem = kept_text(&self.wallet.join(KEY_FILE), || {
            create_private_dir(&self.wallet)?;
            let key = LocalKey::generate().map_err(unusable)?;
            key.to_pkcs8_pem()
                .map(|pem| pem.to_string())
                .map_err(unusable)
        })?;
        LocalKey::from_pkcs8_pem(&pem).map_err(unusable)
    }

    /// The local cloud's certificate authority, where one was made in this data directory.
    pub(super) fn authority(&self) -> Result<Option<CertificateChain>, HolderError> {
        match fs::read_to_string(self.data_dir.join(AUTHORITY_FILE)) {
            Ok(pem) => CertificateChain::from_pem(&pem)
                .map(Some)
                .map_err(|fault| HolderError::malformed("the local certificate authority", fault)),
            // There is none after --ephemeral, or with an issuer elsewhere.
            Err(_) => Ok(None),
        }
    }

    /// Writes a credential to a file of its own, and says which.
    pub(super) fn add(&self, kept: &Kept) -> Result<PathBuf, HolderError> {
        let kind = kept
            .credential_configuration_id
            .replace(|one: char| !one.is_ascii_alphanumeric(), "-");
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let unique = unique.get(..8).unwrap_or_default();
        let name = format!("{}-{kind}-{unique}.json", kept.received_at_seconds);
        let path = self.wallet.join(name);
        let text = serde_json::to_string_pretty(kept)
            .map_err(|fault| HolderError::malformed("the credential", fault))?;
        write_private(&path, &text)?;
        Ok(path)
    }

    /// Every credential with its file, the oldest first.
    pub(super) fn all(&self) -> Result<Vec<(PathBuf, Kept)>, HolderError> {
        let unreadable = |fault| HolderError::malformed("the holder's directory", fault);
        let files = fs::read_dir(&self.wallet).map_err(unreadable)?;
        let mut paths: Vec<PathBuf> = files
            .filter_map(|file| Some(file.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        paths.sort();
        let credentials = paths.into_iter().map(|path| {
            let text = fs::read(&path).map_err(unreadable)?;
            let kept = serde_json::from_slice(&text)
                .map_err(|fault| HolderError::malformed("a kept credential", fault))?;
            Ok((path, kept))
        });
        credentials.collect()
    }
}
