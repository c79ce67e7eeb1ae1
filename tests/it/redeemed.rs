//! A wallet that stands before the credential endpoint with a good access token.

use serde_json::Value;

use crate::answer::Answer;
use crate::backend::unique;
use crate::cloud::{self, Cloud};
use crate::wallet_client::{Offer, Proof, WalletClient};

/// A wallet that has redeemed its code.
pub struct Redeemed {
    pub wallet: WalletClient,
    pub offer: Offer,
    pub token: String,
}

impl Redeemed {
    pub async fn new() -> Self {
        Self::at(cloud::shared()).await
    }

    pub async fn at(cloud: &Cloud) -> Self {
        let started = cloud.backend().start_iban(&unique("credential")).await;
        let wallet = WalletClient::new();
        let offer = wallet.read_offer(started.str("request_uri")).await;
        let token = wallet.access_token(&offer).await;
        Self {
            wallet,
            offer,
            token,
        }
    }

    /// Asks with a proof that was spoilt before it was signed.
    pub async fn with_proof(&self, spoil: impl FnOnce(&mut Proof)) -> Answer {
        let mut proof = self.wallet.proof(&self.offer).await;
        spoil(&mut proof);
        let proof = proof.sign(&self.wallet.key);
        self.wallet
            .credential(&self.offer, &self.token, &proof)
            .await
    }

    pub async fn request(&self, body: &Value) -> Answer {
        self.wallet
            .credential_request(&self.offer, &self.token, body)
            .await
    }

    pub async fn proof(&self) -> String {
        self.wallet.proof(&self.offer).await.sign(&self.wallet.key)
    }

    /// After all refusals the credential can still be had: none of them cost the token.
    pub async fn still_works(&self) -> Answer {
        let proof = self.proof().await;
        self.wallet
            .credential(&self.offer, &self.token, &proof)
            .await
            .expect(200)
    }
}
