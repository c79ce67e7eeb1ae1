//! The bundled wallet's signing key, and the certificates that say whose it is.
//!
//! The certificate authority and the signing key stay in the data directory, so that credentials of earlier runs can
//! still be verified. The leaf certificate names the public URL, so it is made anew for each run.

use std::net::IpAddr;

use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use url::Url;

use crate::StartError;
use crate::data::data_dir::DataDir;

/// Where the certificate authority, the trust anchor of verifiers, is kept in the data directory.
pub const AUTHORITY_FILE: &str = "certificate-authority.pem";
const AUTHORITY_KEY_FILE: &str = "certificate-authority-key.pem";
const SIGNING_KEY_FILE: &str = "signing-key.pem";

const AUTHORITY_YEARS: i16 = 10;
/// Longer than any credential of the bundled templates is valid.
const LEAF_YEARS: i16 = 6;

/// What the bundled wallet signs with.
pub(crate) struct Identity {
    /// PKCS#8 PEM of the P-256 signing key.
    pub(crate) signing_key: String,
    /// PEM of the signing key's certificate. It is the whole chain: the anchor stays out of it.
    pub(crate) certificate_chain: String,
    /// PEM of the certificate authority.
    pub(crate) authority: String,
}

impl Identity {
    /// Loads the keys from `data`, or makes them, and makes a certificate for the issuer at
    /// `public_url` that is valid from the day before `today`.
    pub(crate) fn load_or_create(
        data: &DataDir,
        public_url: &Url,
        today: Date,
    ) -> Result<Self, StartError> {
        let new_key = || -> Result<String, StartError> {
            Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem())
        };
        let authority_key = KeyPair::from_pem(&data.text(AUTHORITY_KEY_FILE, new_key)?)?;
        let authority_params = authority_params(today);
        let authority = data.text(AUTHORITY_FILE, || -> Result<String, StartError> {
            Ok(authority_params.self_signed(&authority_key)?.pem())
        })?;
        let signing_key = data.text(SIGNING_KEY_FILE, new_key)?;

        let leaf = leaf_params(public_url, today)?;
        let issuer = Issuer::from_params(&authority_params, &authority_key);
        let leaf = leaf.signed_by(&KeyPair::from_pem(&signing_key)?, &issuer)?;
        Ok(Self {
            signing_key,
            certificate_chain: leaf.pem(),
            authority,
        })
    }
}

fn authority_params(today: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("Bestow local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, today, AUTHORITY_YEARS);
    params
}

/// The subject alternative names hold the issuer identifier as a URI and its host, so that a
/// verifier can hold `iss` against the certificate either way.
fn leaf_params(public_url: &Url, today: Date) -> Result<CertificateParams, rcgen::Error> {
    let identifier = public_url.as_str().trim_end_matches('/');
    let host = public_url.host_str().unwrap_or_default();
    let host_name = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(host.try_into()?),
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(host);
    params.subject_alt_names = vec![SanType::URI(identifier.try_into()?), host_name];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // Not derived from the key, as it would be otherwise: each run certifies the same key again.
    params.serial_number = Some(SerialNumber::from_slice(uuid::Uuid::new_v4().as_bytes()));
    set_validity(&mut params, today, LEAF_YEARS);
    Ok(params)
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Bestow local cloud");
    name.push(DnType::CommonName, common_name);
    name
}

fn set_validity(params: &mut CertificateParams, today: Date, years: i16) {
    let at = |date: Date| {
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = at(today.yesterday().unwrap_or(today));
    params.not_after = at(today.saturating_add(jiff::Span::new().years(years)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_jose::{CertificateChain, CertificateDer};
    use bestow_signing::{LocalKey, SigningIdentity};
    use jiff::civil::date;
    use std::sync::Arc;

    /// 2026-11-23T12:00:00Z
    const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_435_200, 0);

    fn identity(data: &DataDir, public_url: &str) -> Identity {
        let url = Url::parse(public_url).unwrap();
        Identity::load_or_create(data, &url, date(2026, 11, 23)).unwrap()
    }

    #[test]
    fn the_certificate_is_for_the_signing_key_and_leads_to_the_authority() {
        for public_url in [
            "http://127.0.0.1:3000",
            "https://issuer.example",
            "http://[::1]:3000",
        ] {
            let identity = identity(&DataDir::Memory, public_url);
            let chain = CertificateChain::from_pem(&identity.certificate_chain).unwrap();
            let authority = CertificateChain::from_pem(&identity.authority).unwrap();
            let anchors: &[CertificateDer<'_>] = authority.certificates();
            chain.verify_path(anchors, NOW).unwrap();

            let key = LocalKey::from_pkcs8_pem(&identity.signing_key).unwrap();
            SigningIdentity::new(Arc::new(key), "key")
                .with_chain(chain, NOW)
                .unwrap();
        }
    }

    #[test]
    fn keys_survive_the_run_and_the_certificate_follows_the_public_url() {
        let directory = tempfile::tempdir().unwrap();
        let run =
            |public_url: &str| identity(&DataDir::open(directory.path()).unwrap(), public_url);
        let first = run("http://127.0.0.1:3000");
        let second = run("https://name.tunnel.example");
        assert_eq!(first.signing_key, second.signing_key);
        assert_eq!(first.authority, second.authority);
        assert_ne!(first.certificate_chain, second.certificate_chain);
        let chain = CertificateChain::from_pem(&second.certificate_chain).unwrap();
        let authority = CertificateChain::from_pem(&first.authority).unwrap();
        chain.verify_path(authority.certificates(), NOW).unwrap();
    }

    #[test]
    fn a_damaged_key_is_an_error_that_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(SIGNING_KEY_FILE), "no key").unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let url = Url::parse("http://127.0.0.1:3000").unwrap();
        let fault = Identity::load_or_create(&data, &url, date(2026, 11, 23))
            .err()
            .unwrap();
        assert!(fault.to_string().contains(SIGNING_KEY_FILE), "{fault}");
    }
}
