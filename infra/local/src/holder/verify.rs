//! Is this credential what it says? Signature, trust, disclosures, validity, key, status.

use bestow_credential::UnverifiedSdJwt;
use bestow_jose::jws::Header;
use bestow_jose::{CertificateChain, PublicJwk};
use bestow_status_list::{MEDIA_TYPE, Status, StatusReference, UnverifiedStatusList};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::TrustError;
use super::fetch::{STATUS_LIST, send};
use super::issuer::well_known;

/// What a verified credential says.
pub(super) struct Verified {
    /// Every claim that the holder can show, the registered ones included.
    pub(super) claims: Map<String, Value>,
    /// Whose word the signature's key was taken on.
    pub(super) trust: Trust,
    /// `None`, where the credential has no status list.
    pub(super) status: Option<Status>,
}

/// Whose word a key was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Its certificates lead to the local certificate authority.
    LocalAuthority,
    /// The issuer publishes it (SD-JWT VC §3.5), and the issuer's address is all there is to it.
    PublishedByIssuer,
}

/// How to verify.
pub(super) struct Verifier<'a> {
    pub(super) client: &'a Client,
    /// The trust anchor, where the data directory has one.
    pub(super) authority: Option<&'a CertificateChain>,
    pub(super) now: Timestamp,
}

impl Verifier<'_> {
    /// Verifies a credential that `issuer` sent for `holder_key`; `vct` is the type that its metadata
    /// announced.
    pub(super) async fn verify(
        &self,
        credential: &str,
        issuer: &str,
        vct: Option<&str>,
        holder_key: &PublicJwk,
    ) -> Result<Verified, TrustError> {
        let unverified = UnverifiedSdJwt::read(credential)?;
        let (key, trust) = self.signing_key(unverified.header(), issuer).await?;
        let verified = unverified.verify(&key, self.now)?;
        check_claims(&verified.claims, issuer, vct)?;
        if verified.holder_key()?.as_ref() != Some(holder_key) {
            return Err(TrustError::Claim {
                claim: "cnf",
                reason: "does not bind it to this holder's key",
            });
        }
        let status = match verified.status()? {
            None => None,
            Some(entry) => Some(self.status(&entry, issuer).await?),
        };
        Ok(Verified {
            claims: verified.claims,
            trust,
            status,
        })
    }

    /// The key that signed: the certified one, if the header's certificates lead to the local
    /// authority. If not (another issuer, or a local cloud that kept nothing), the one that the
    /// issuer publishes; a card says which it was.
    async fn signing_key(
        &self,
        header: &Header,
        issuer: &str,
    ) -> Result<(PublicJwk, Trust), TrustError> {
        if let (Some(chain), Some(authority)) = (header.x5c(), self.authority)
            && chain
                .verify_path(authority.certificates(), self.now)
                .is_ok()
        {
            return Ok((chain.leaf_key()?, Trust::LocalAuthority));
        }
        #[derive(Deserialize)]
        struct JwtVcIssuer {
            issuer: String,
            jwks: Jwks,
        }
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let metadata: JwtVcIssuer =
            well_known(self.client, issuer, "jwt-vc-issuer", "the issuer's keys")
                .await
                .map_err(|fault| TrustError::Fetch(fault.to_string()))?;
        if metadata.issuer != issuer {
            return Err(TrustError::UnknownKey);
        }
        let keys = &metadata.jwks.keys;
        let named = match header.kid() {
            Some(kid) => keys
                .iter()
                .find(|key| key.get("kid").and_then(Value::as_str) == Some(kid)),
            None => keys.first(),
        };
        let key = PublicJwk::from_json(named.ok_or(TrustError::UnknownKey)?)?;
        Ok((key, Trust::PublishedByIssuer))
    }

    /// Fetches the status list that the credential points to, verifies it, and reads the entry.
    async fn status(&self, entry: &StatusReference, issuer: &str) -> Result<Status, TrustError> {
        let uri = &entry.uri;
        let request = self.client.get(uri).header(ACCEPT, MEDIA_TYPE);
        let answer = send(request, uri)
            .await
            .and_then(|answer| answer.success(STATUS_LIST))
            .map_err(|fault| TrustError::Fetch(fault.to_string()))?;
        if answer.content_type != MEDIA_TYPE {
            let said = answer.content_type;
            return Err(TrustError::Fetch(format!(
                "the status list came as {said:?}, not as {MEDIA_TYPE}"
            )));
        }
        let token = String::from_utf8_lossy(&answer.body);
        let unverified = UnverifiedStatusList::read(&token)?;
        let (key, _) = self.signing_key(unverified.header(), issuer).await?;
        let list = unverified.verify(&key, uri, self.now)?;
        Ok(list.status(entry.idx)?)
    }
}

fn check_claims(
    claims: &Map<String, Value>,
    issuer: &str,
    vct: Option<&str>,
) -> Result<(), TrustError> {
    let text = |claim| claims.get(claim).and_then(Value::as_str);
    if claims.contains_key("iss") && text("iss") != Some(issuer) {
        return Err(TrustError::Claim {
            claim: "iss",
            reason: "is not the issuer that sent it",
        });
    }
    if vct.is_some() && text("vct") != vct {
        return Err(TrustError::Claim {
            claim: "vct",
            reason: "is not the type that the issuer announced",
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
