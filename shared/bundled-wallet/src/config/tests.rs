use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer as Authority, KeyPair, date_time_ymd,
};

use super::*;
use crate::test_log::logged;

/// 2026-01-01T00:00:00Z
const ISSUED: Timestamp = Timestamp::constant(1_767_225_600, 0);
/// 2027-01-01T00:00:00Z
const EXPIRY: Timestamp = Timestamp::constant(1_798_761_600, 0);
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A chain of a leaf and its root for the key, PEM, the leaf of which expires first.
fn chain_for(key: &LocalKey) -> String {
    let params = |name: &str, last_year| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        params
    };
    let mut root = params("Root", 2036);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let anchor = root.self_signed(&root_key).unwrap();
    let leaf = params("Issuer", 2027)
        .signed_by(
            &KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap(),
            &Authority::new(root, root_key),
        )
        .unwrap();
    leaf.pem() + &anchor.pem()
}

fn identity(key: &LocalKey) -> SigningIdentity {
    SigningIdentity::new(Arc::new(key.clone()), "kid")
}

/// Whether the identity has certificates at this time, and what was logged about it.
fn certified_at(now: Timestamp) -> (bool, String) {
    let key = LocalKey::generate().unwrap();
    let (identity, log) = logged(|| certified(identity(&key), &chain_for(&key), now).unwrap());
    (identity.chain().is_some(), log)
}

#[test]
fn an_expired_certificate_is_left_out_and_told_in_the_log() {
    let (has_chain, log) = certified_at(EXPIRY + SECOND);
    assert!(!has_chain);
    assert!(
        log.contains("ERROR") && log.contains("certificate 1 has expired"),
        "{log}"
    );
}

#[test]
fn the_log_warns_of_an_expiry_from_thirty_days_before() {
    let (has_chain, log) = certified_at(EXPIRY - DAY * 30);
    assert_eq!((has_chain, log.as_str()), (true, ""));
    for (days, days_left) in [(29, "days_left=29"), (0, "days_left=0")] {
        let (has_chain, log) = certified_at(EXPIRY - DAY * days);
        assert!(has_chain);
        assert!(log.contains("WARN") && log.contains(days_left), "{log}");
    }
}

#[test]
fn every_other_fault_of_the_certificates_stops_the_start() {
    let (key, other) = (LocalKey::generate().unwrap(), LocalKey::generate().unwrap());
    for (pem, now) in [
        (chain_for(&other), ISSUED),
        (chain_for(&key), ISSUED - SECOND),
        ("no certificate".to_owned(), ISSUED),
    ] {
        let fault = certified(identity(&key), &pem, now).unwrap_err();
        assert!(fault.to_string().contains(CHAIN), "{fault}");
    }
}

#[test]
fn the_templates_are_as_they_should_be() {
    check_templates().unwrap();
}

#[test]
fn a_malformed_template_is_told_by_its_file_and_field() {
    let good = TEMPLATE_FILES[0].1;
    let bad = good.replacen("en-GB", "english", 1);
    let fault = check(&[("issue_iban.json", &bad)]).unwrap_err();
    let fault = fault.to_string();
    assert!(
        fault.starts_with("issue_iban.json: /display/0/locale must match"),
        "{fault}"
    );
}
