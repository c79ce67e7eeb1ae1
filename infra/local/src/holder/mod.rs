//! The bundled holder: a small wallet that takes an offer as a customer's would.
//!
//! It speaks OpenID4VCI 1.0 and nothing of Bestow's own, so it can take credentials of other issuers
//! too. What it gets is verified before it is kept, and the issuer is told either way.

mod card;
mod error;
mod fetch;
mod issuer;
mod keep;
mod offer_link;
mod verify;

use std::path::{Path, PathBuf};

use bestow_jose::CertificateChain;
use bestow_signing::{LocalKey, Signer};
use jiff::Timestamp;
use reqwest::Client;

pub(crate) use error::{HolderError, TrustError};
pub(crate) use fetch::printable;

use keep::{Keep, Kept};
use verify::{Verified, Verifier};

/// A wallet in a directory.
#[derive(Debug)]
pub(crate) struct Holder {
    keep: Keep,
    client: Client,
}

impl Holder {
    /// The wallet in `data_dir`. The directory is made when there is something to keep.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, HolderError> {
        Ok(Self {
            keep: Keep::new(data_dir),
            client: fetch::client()?,
        })
    }

    /// Takes the credential of an offer, verifies it, keeps it, tells the issuer, and gives it for a human to read.
    /// `link` is what would open a wallet, or the address of the offer. After an error nothing is kept.
    pub(crate) async fn accept(
        &self,
        link: &str,
        tx_code: Option<&str>,
    ) -> Result<String, HolderError> {
        let source = offer_link::parse(link).map_err(HolderError::NotAnOffer)?;
        let now = Timestamp::now();
        let offer = issuer::offer(&self.client, source).await?;
        let key = self.keep.key()?;
        let received = issuer::take(&self.client, &offer, tx_code, &key, now).await?;
        let kept = Kept {
            name: received.name.clone(),
            credential_configuration_id: received.configuration_id.clone(),
            credential_issuer: offer.credential_issuer,
            received_at_seconds: now.as_second(),
            credential: received.credential.clone(),
        };
        let vct = received.vct.as_deref();
        let done = self.verify_and_keep(&kept, vct, &key).await;
        let event = match done {
            Ok(_) => "credential_accepted",
            Err(_) => "credential_failure",
        };
        issuer::notify(&self.client, &received, event).await;
        done
    }

    /// Every credential of the wallet, verified again: with the status that the issuer publishes now,
    /// or with why it is no longer to be trusted.
    pub(crate) async fn credentials(
        &self,
    ) -> Result<Vec<(PathBuf, Result<String, TrustError>)>, HolderError> {
        let kept = self.keep.all()?;
        if kept.is_empty() {
            // Without a credential there need not be a key.
            return Ok(Vec::new());
        }
        let (key, authority) = (self.keep.key()?, self.keep.authority()?);
        let mut cards = Vec::new();
        for (path, kept) in kept {
            let verified = self.verify(&kept, None, &key, authority.as_ref()).await;
            let card = verified.map(|verified| card::text(&kept, &verified, &path));
            cards.push((path, card));
        }
        Ok(cards)
    }

    async fn verify_and_keep(
        &self,
        kept: &Kept,
        vct: Option<&str>,
        key: &LocalKey,
    ) -> Result<String, HolderError> {
        let authority = self.keep.authority()?;
        let verified = self.verify(kept, vct, key, authority.as_ref()).await?;
        let path = self.keep.add(kept)?;
        Ok(card::text(kept, &verified, &path))
    }

    async fn verify(
        &self,
        kept: &Kept,
        vct: Option<&str>,
        key: &LocalKey,
        authority: Option<&CertificateChain>,
    ) -> Result<Verified, TrustError> {
        let verifier = Verifier {
            client: &self.client,
            authority,
            now: Timestamp::now(),
        };
        let issuer = &kept.credential_issuer;
        verifier
            .verify(&kept.credential, issuer, vct, key.public_jwk())
            .await
    }
}
