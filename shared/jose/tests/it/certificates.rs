use std::sync::Arc;

use bestow_jose::{CertificateChain, CertificateDer, ChainError};
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// 2026-01-01T00:00:00Z
const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The beginning of a year.
fn year(year: i16) -> Timestamp {
    format!("{year}-01-01T00:00:00Z").parse().unwrap()
}

fn params(name: &str, first_year: i32, last_year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(first_year, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    params
}

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn root(name: &str) -> Self {
        let (params, key) = Self::params_and_key(name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            params,
            key,
            certificate,
        }
    }

    fn below(&self, name: &str) -> Self {
        let (params, key) = Self::params_and_key(name);
        let certificate = params
            .signed_by(&key, &self.issuer())
            .unwrap()
            .der()
            .clone();
        Self {
            params,
            key,
            certificate,
        }
    }

    fn certify(&self, key: &LocalKey, params: &CertificateParams) -> CertificateDer<'static> {
        let subject = KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
        params
            .signed_by(&subject, &self.issuer())
            .unwrap()
            .der()
            .clone()
    }

    fn params_and_key(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = params(name, 2020, 2040);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (
            params,
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
        )
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A leaf for the key, and the self-signed root that issued it.
pub(crate) fn leaf_and_root(key: &LocalKey) -> (CertificateChain, CertificateDer<'static>) {
    let root = Authority::root("Test Root");
    let leaf = root.certify(key, &params("Issuer", 2025, 2027));
    (
        CertificateChain::from_der(vec![leaf]).unwrap(),
        root.certificate,
    )
}

fn key() -> LocalKey {
    LocalKey::generate().unwrap()
}

fn identity(
    key: &LocalKey,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<SigningIdentity, ChainError> {
    let chain = CertificateChain::from_der(certificates)?;
    SigningIdentity::new(Arc::new(key.clone()), "kid").with_chain(chain, NOW)
}

fn refusal(key: &LocalKey, certificates: Vec<CertificateDer<'static>>) -> ChainError {
    identity(key, certificates).expect_err("the chain must be refused")
}

#[test]
fn the_anchor_is_left_out_of_x5c() {
    let key = key();
    let root = Authority::root("Root");
    let middle = root.below("Middle");
    let leaf = middle.certify(&key, &params("Issuer", 2025, 2027));

    let with_anchor = vec![
        leaf.clone(),
        middle.certificate.clone(),
        root.certificate.clone(),
    ];
    let without_anchor = vec![leaf.clone(), middle.certificate.clone()];

    for certificates in [with_anchor, without_anchor.clone()] {
        let identity = identity(&key, certificates).unwrap();
        assert_eq!(identity.chain().unwrap().certificates(), without_anchor);
    }
    let leaf_alone = identity(&key, vec![leaf.clone()]).unwrap();
    assert_eq!(leaf_alone.chain().unwrap().certificates(), [leaf]);
}

#[test]
fn a_chain_for_another_key_is_refused() {
    let (chain, _) = leaf_and_root(&key());

    let refusal = refusal(&key(), chain.certificates().to_vec());

    assert!(matches!(refusal, ChainError::OtherKey));
}

#[test]
fn a_leaf_on_another_curve_is_refused() {
    let root = Authority::root("Root");

    let refusal = refusal(
        &key(),
        vec![root.below("P-384").certificate, root.certificate],
    );

    assert!(matches!(refusal, ChainError::LeafKey(_)));
}

#[test]
fn a_leaf_that_is_not_first_is_named() {
    let key = key();
    let root = Authority::root("Root");
    let leaf = root.certify(&key, &params("Issuer", 2025, 2027));
    // An authority with a P-256 key, so that only the order is wrong.
    let other = root.certify(&self::key(), &params("Other", 2025, 2027));

    let refusal = refusal(&key, vec![other, leaf]);

    assert!(matches!(refusal, ChainError::LeafNotFirst { position: 2 }));
}

#[test]
fn a_chain_turned_round_is_refused() {
    let key = key();
    let (chain, root) = leaf_and_root(&key);
    let turned = vec![root, chain.certificates()[0].clone()];

    assert!(matches!(
        refusal(&key, turned),
        ChainError::LeafNotFirst { position: 2 }
    ));
}

#[test]
fn a_self_signed_leaf_is_refused() {
    let key = key();
    let subject = KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    let certificate = params("Issuer", 2025, 2027)
        .self_signed(&subject)
        .unwrap()
        .der()
        .clone();

    assert!(matches!(
        refusal(&key, vec![certificate]),
        ChainError::LeafSelfSigned
    ));
}

#[test]
fn certificates_in_the_wrong_order_are_named() {
    let key = key();
    let root = Authority::root("Root");
    let middle = root.below("Middle");
    let leaf = middle.certify(&key, &params("Issuer", 2025, 2027));

    let refusal = refusal(&key, vec![leaf, root.certificate, middle.certificate]);

    assert!(matches!(refusal, ChainError::Order { position: 1 }));
}

#[test]
fn an_issuer_of_the_same_name_with_another_key_is_refused() {
    let key = key();
    let leaf = Authority::root("Root").certify(&key, &params("Issuer", 2025, 2027));
    let impostor = Authority::root("Root").certificate;

    assert!(matches!(
        refusal(&key, vec![leaf, impostor]),
        ChainError::Path(_)
    ));
}

#[test]
fn certificates_out_of_their_time_are_named() {
    let key = key();
    let root = Authority::root("Root");

    let expired = root.certify(&key, &params("Issuer", 2024, 2025));
    assert!(matches!(
        refusal(&key, vec![expired]),
        ChainError::Expired { position: 1, not_after } if not_after == year(2025)
    ));

    let future = root.certify(&key, &params("Issuer", 2027, 2028));
    assert!(matches!(
        refusal(&key, vec![future, root.certificate]),
        ChainError::NotYetValid { position: 1, not_before } if not_before == year(2027)
    ));
}

#[test]
fn a_chain_lasts_as_long_as_its_first_certificate_to_expire() {
    let key = key();
    let root = Authority::root("Root");
    let chain = |last_year| {
        let leaf = root.certify(&key, &params("Issuer", 2025, last_year));
        CertificateChain::from_der(vec![leaf, root.certificate.clone()]).unwrap()
    };
    // The root ends with 2040.
    assert_eq!(chain(2027).not_after().unwrap(), year(2027));
    assert_eq!(chain(2041).not_after().unwrap(), year(2040));
}

#[test]
fn a_leaf_may_not_issue_certificates() {
    let (middle_key, leaf_key) = (key(), key());
    let root = Authority::root("Root");
    let not_an_authority = params("Not an authority", 2025, 2027);
    let middle = root.certify(&middle_key, &not_an_authority);
    let signer = KeyPair::from_pem(&middle_key.to_pkcs8_pem().unwrap()).unwrap();
    let subject = KeyPair::from_pem(&leaf_key.to_pkcs8_pem().unwrap()).unwrap();
    let leaf = params("Issuer", 2025, 2027)
        .signed_by(&subject, &Issuer::from_params(&not_an_authority, &signer))
        .unwrap()
        .der()
        .clone();

    assert!(matches!(
        refusal(&leaf_key, vec![leaf, middle, root.certificate]),
        ChainError::Path(_)
    ));
}

#[test]
fn a_path_is_valid_to_its_own_anchor_only() {
    let key = key();
    let root = Authority::root("Root");
    let middle = root.below("Middle");
    let mut leaf_params = params("Issuer", 2025, 2027);
    // A purpose that TLS does not know must not stand in the way.
    leaf_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![
        1, 3, 6, 1, 5, 5, 7, 3, 30,
    ])];
    let leaf = middle.certify(&key, &leaf_params);
    let chain = CertificateChain::from_der(vec![leaf, middle.certificate.clone()]).unwrap();

    chain
        .verify_path(std::slice::from_ref(&root.certificate), NOW)
        .unwrap();
    let stranger = Authority::root("Root").certificate;
    for anchors in [vec![], vec![stranger]] {
        assert!(matches!(
            chain.verify_path(&anchors, NOW),
            Err(ChainError::Path(_))
        ));
    }
    // 2028-01-01T00:00:00Z: the leaf has expired.
    assert!(chain.verify_path(&[root.certificate], year(2028)).is_err());
}

#[test]
fn x5c_and_pem_lead_back_to_the_chain() {
    let key = key();
    let (chain, root) = leaf_and_root(&key);
    let both = CertificateChain::from_der(vec![chain.certificates()[0].clone(), root]).unwrap();

    let x5c = serde_json::to_value(both.to_x5c()).unwrap();
    assert_eq!(CertificateChain::from_x5c(&x5c).unwrap(), both);

    let pem: String = both
        .to_x5c()
        .iter()
        .map(|base64| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"))
        .collect();
    assert_eq!(CertificateChain::from_pem(&pem).unwrap(), both);
    assert_eq!(both.leaf_key().unwrap(), *key.public_jwk());
}

#[test]
fn texts_that_hold_no_chain_are_refused() {
    assert!(matches!(
        CertificateChain::from_pem(""),
        Err(ChainError::Empty)
    ));
    assert!(matches!(
        CertificateChain::from_pem("no PEM here"),
        Err(ChainError::Empty)
    ));
    let broken = "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        CertificateChain::from_pem(broken),
        Err(ChainError::Pem)
    ));
    let nonsense = CertificateDer::from(vec![0x30, 0x00]);
    let (chain, _) = leaf_and_root(&key());
    let second_is_nonsense = vec![chain.certificates()[0].clone(), nonsense];
    assert!(matches!(
        CertificateChain::from_der(second_is_nonsense),
        Err(ChainError::Malformed { position: 2 })
    ));
    let too_many = vec![chain.certificates()[0].clone(); 9];
    assert!(matches!(
        CertificateChain::from_der(too_many),
        Err(ChainError::TooLong)
    ));
}
