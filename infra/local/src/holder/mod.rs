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

use jiff::Timestamp;
use reqwest::Client;
use signing::{CertificateChain, LocalKey, Signer};

pub use card::Card;
pub use error::{Distrust, HolderError};

use keep::{Keep, Kept};
use verify::Verifier;

/// A wallet in a directory.
#[derive(Debug)]
pub struct Holder {
    keep: Keep,
    key: LocalKey,
    authority: Option<CertificateChain>,
    client: Client,
}

impl Holder {
    /// Opens the wallet in `data_dir`, with the trust anchor that a local cloud has left there.
    ///
    /// # Errors
    /// A directory that cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, HolderError> {
        let keep = Keep::open(data_dir)?;
        Ok(Self {
            key: keep.key()?,
            authority: keep.authority()?,
            client: fetch::client()?,
            keep,
        })
    }

    /// Takes the credential of an offer, verifies it, keeps it, and tells the issuer.
    ///
    /// `link` is what would open a wallet, or the address of the offer; `tx_code` the transaction code
    /// that the end user was given, where the offer asks for one.
    ///
    /// # Errors
    /// Whatever stands between the offer and a credential that can be trusted. Then nothing is kept.
    pub async fn accept(&self, link: &str, tx_code: Option<&str>) -> Result<Card, HolderError> {
        let source =
            offer_link::parse(link).map_err(|reason| HolderError::NotAnOffer { reason })?;
        let now_seconds = Timestamp::now().as_second();
        let offer = issuer::offer(&self.client, source).await?;
        let received = issuer::take(&self.client, &offer, tx_code, &self.key, now_seconds).await?;
        let kept = Kept {
            name: received
                .configuration
                .display_name()
                .unwrap_or(&received.configuration_id)
                .to_owned(),
            credential_configuration_id: received.configuration_id.clone(),
            credential_issuer: offer.credential_issuer,
            received_at_seconds: now_seconds,
            credential: received.credential.clone(),
        };
        let vct = received.configuration.vct.as_deref();
        let card = match self.card(&kept, vct).await {
            Ok(card) => card,
            Err(distrust) => {
                issuer::notify(&self.client, &received, "credential_failure").await;
                return Err(distrust.into());
            }
        };
        let path = self.keep.add(&kept)?;
        issuer::notify(&self.client, &received, "credential_accepted").await;
        Ok(Card { path, ..card })
    }

    /// Every credential of the wallet, verified again: with the status that the issuer publishes now,
    /// or with why it is no longer to be trusted.
    ///
    /// # Errors
    /// A wallet that cannot be read.
    pub async fn credentials(&self) -> Result<Vec<(PathBuf, Result<Card, Distrust>)>, HolderError> {
        let mut cards = Vec::new();
        for (path, kept) in self.keep.all()? {
            let card = self.card(&kept, None).await;
            let card = card.map(|card| Card {
                path: path.clone(),
                ..card
            });
            cards.push((path, card));
        }
        Ok(cards)
    }

    async fn card(&self, kept: &Kept, vct: Option<&str>) -> Result<Card, Distrust> {
        let verifier = Verifier {
            client: &self.client,
            authority: self.authority.as_ref(),
            now_seconds: Timestamp::now().as_second(),
        };
        let issuer = &kept.credential_issuer;
        let verified = verifier
            .verify(&kept.credential, issuer, vct, self.key.public_jwk())
            .await?;
        Ok(Card {
            name: kept.name.clone(),
            issuer: issuer.clone(),
            trust: verified.trust,
            claims: verified.claims,
            status: verified.status,
            path: PathBuf::new(),
        })
    }
}
