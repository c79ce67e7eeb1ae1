//! What the holder trusts, with credentials that are issued here.

use std::sync::Arc;
use std::time::Duration;

use bestow_credential::{
    ClaimPath, DisclosureFrame, HolderBinding, SdJwtVc, Validity, system_randomness,
};
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use jiff::civil::date;
use serde_json::json;
use url::Url;

use super::*;
use crate::data::data_dir::DataDir;
use crate::data::identity::Identity;

/// 2026-11-23T12:00:00Z
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);
/// Nothing listens there: a test that asks for the issuer's own keys fails.
const ISSUER: &str = "http://127.0.0.1:1";

/// An issuer with certificates of an authority of its own.
struct Issuer {
    identity: SigningIdentity,
    authority: CertificateChain,
}

impl Issuer {
    fn new() -> Self {
        let url = Url::parse(ISSUER).unwrap();
        let files = Identity::load_or_create(&DataDir::Memory, &url, date(2026, 11, 23)).unwrap();
        let key = LocalKey::from_pkcs8_pem(&files.signing_key).unwrap();
        let chain = CertificateChain::from_pem(&files.certificate_chain).unwrap();
        Self {
            identity: SigningIdentity::new(Arc::new(key), "key")
                .with_chain(chain, NOW)
                .unwrap(),
            authority: CertificateChain::from_pem(&files.authority).unwrap(),
        }
    }

    async fn issue(&self, holder: &LocalKey) -> String {
        let frame = DisclosureFrame::new(&[ClaimPath::claim("iban")]).unwrap();
        let Value::Object(claims) = json!({"iban": "NL12TUL25708789078"}) else {
            panic!("claims are an object");
        };
        let credential = SdJwtVc {
            vct: "urn:bank-account",
            issuer: Some(ISSUER),
            claims,
            frame: &frame,
            validity: Validity::rounded_to_days(NOW, Duration::from_secs(86_400)),
            holder: Some(HolderBinding {
                jwk: holder.public_jwk().clone(),
                kid: None,
            }),
            status: None,
        };
        credential
            .issue(&self.identity, system_randomness)
            .await
            .unwrap()
    }
}

async fn verify(
    credential: &str,
    authority: &CertificateChain,
    holder: &LocalKey,
    now: Timestamp,
) -> Result<Verified, TrustError> {
    let client = Client::new();
    let verifier = Verifier {
        client: &client,
        authority: Some(authority),
        now,
    };
    let vct = Some("urn:bank-account");
    verifier
        .verify(credential, ISSUER, vct, holder.public_jwk())
        .await
}

#[tokio::test]
async fn a_credential_of_the_local_issuer_is_trusted_with_what_it_discloses() {
    let (issuer, holder) = (Issuer::new(), LocalKey::generate().unwrap());
    let credential = issuer.issue(&holder).await;
    let verified = verify(&credential, &issuer.authority, &holder, NOW)
        .await
        .unwrap();
    assert_eq!(verified.trust, Trust::LocalAuthority);
    assert_eq!(verified.claims["iban"], "NL12TUL25708789078");
    assert_eq!(verified.status, None);
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_not_trusted() {
    let (issuer, holder) = (Issuer::new(), LocalKey::generate().unwrap());
    let credential = issuer.issue(&holder).await;
    let authority = &issuer.authority;

    let stranger = LocalKey::generate().unwrap();
    let fault = verify(&credential, authority, &stranger, NOW).await.err();
    assert!(
        matches!(fault, Some(TrustError::Claim { claim: "cnf", .. })),
        "{fault:?}"
    );

    let later = NOW + 2 * Duration::from_secs(86_400);
    let fault = verify(&credential, authority, &holder, later)
        .await
        .err()
        .unwrap();
    assert!(fault.to_string().contains("expired"), "{fault}");

    let (jwt, disclosures) = credential.split_once('~').unwrap();
    let mut forged = jwt.to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    // A JWT of 86 characters of signature: the last one carries only two bits of it, so the one
    // before is changed.
    let before = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.extend([before, last]);
    let forged = format!("{forged}~{disclosures}");
    assert!(verify(&forged, authority, &holder, NOW).await.is_err());

    let added = format!("{credential}WyJzYWx0IiwgImlzX2FkbWluIiwgdHJ1ZV0~");
    assert!(verify(&added, authority, &holder, NOW).await.is_err());
}

#[tokio::test]
async fn certificates_of_another_authority_are_worth_no_more_than_what_the_issuer_publishes() {
    let (issuer, holder) = (Issuer::new(), LocalKey::generate().unwrap());
    let credential = issuer.issue(&holder).await;
    let other = Issuer::new().authority;
    let fault = verify(&credential, &other, &holder, NOW).await.err();
    assert!(matches!(fault, Some(TrustError::Fetch(_))), "{fault:?}");
}
