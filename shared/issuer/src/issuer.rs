//! The Credential Issuer: its identifier, its endpoints, its keys, its templates.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bestow_signing::SigningIdentity;
use url::{Host, Url};

use crate::keys::WalletKeys;
use crate::offer::OFFER_LIFETIME;
use crate::paths;
use crate::template::{Template, Templates};

/// Everything that the protocol's answers are computed from, besides the request.
#[derive(Debug)]
pub struct Issuer {
    pub(crate) offers: CredentialOffers,
    pub(crate) signing: SigningIdentity,
}

impl Issuer {
    /// An issuer that signs what was offered by `offers`.
    pub const fn new(offers: CredentialOffers, signing: SigningIdentity) -> Self {
        Self { offers, signing }
    }

    /// Who signs credentials and status lists.
    pub const fn signing(&self) -> &SigningIdentity {
        &self.signing
    }

    /// What makes the offers that it signs credentials for.
    pub const fn offers(&self) -> &CredentialOffers {
        &self.offers
    }

    /// The issuer's identifier, and the URLs below it.
    pub const fn identifier(&self) -> &IssuerIdentifier {
        &self.offers.identifier
    }
}

/// Makes Credential Offers: the part of the issuer that signs nothing, and so needs no signing key.
#[derive(Debug)]
pub struct CredentialOffers {
    pub(crate) identifier: IssuerIdentifier,
    pub(crate) keys: WalletKeys,
    pub(crate) templates: Templates,
    pub(crate) offer_lifetime: Duration,
}

impl CredentialOffers {
    /// Puts it together from checked parts. `keys` must have been derived for `identifier`.
    pub const fn new(identifier: IssuerIdentifier, keys: WalletKeys, templates: Templates) -> Self {
        Self {
            identifier,
            keys,
            templates,
            offer_lifetime: OFFER_LIFETIME,
        }
    }

    /// Offers that can be taken for another time than [`OFFER_LIFETIME`].
    pub fn with_lifetime(self, offer_lifetime: Duration) -> Self {
        Self {
            offer_lifetime,
            ..self
        }
    }

    /// Whether credentials of this template have a place on a status list. False also if there is no
    /// such template.
    pub fn has_status_list(&self, template_id: &str) -> bool {
        self.templates
            .by_template_id(template_id)
            .is_some_and(Template::has_status_list)
    }
}

/// A Credential Issuer Identifier (OpenID4VCI 1.0 §12.2.1), kept byte by byte as it was given,
/// because wallets compare it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerIdentifier {
    text: String,
    did: String,
}

/// Why a text is not a Credential Issuer Identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum IdentifierError {
    #[error("is not an absolute URL: give one like https://issuer.example")]
    NotAUrl,
    #[error("must begin with https:// (http:// is for loopback addresses only)")]
    NotHttps,
    #[error(
        "must be scheme, host and port alone: no path, no trailing slash, no query, no fragment, no user"
    )]
    MoreThanOrigin,
    #[error("must be in normal form: lower case, and without the port that the scheme implies")]
    NotNormal,
}

impl IssuerIdentifier {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The absolute URL of one of the [`paths`].
    pub fn url(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// Where a wallet fetches the offer: the `credential_offer_uri`.
    pub fn offer_url(&self, offer_id: &crate::OfferId) -> String {
        self.url(&paths::OFFER.replace("{offer_id}", offer_id.as_str()))
    }

    /// Where anyone fetches a status list: the `uri` in the credentials and the list's own `sub`.
    pub fn status_list_url(&self, list: crate::ListNumber) -> String {
        self.url(&paths::STATUS_LIST.replace("{list_id}", &list.to_string()))
    }

    /// The issuer's DID: `did:web` of the host, its port percent-encoded (did:web §3.1).
    pub fn did(&self) -> &str {
        &self.did
    }
}

impl FromStr for IssuerIdentifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let url = Url::parse(text).map_err(|_| IdentifierError::NotAUrl)?;
        let host = url.host().ok_or(IdentifierError::NotAUrl)?;
        let is_loopback = match &host {
            Host::Domain(domain) => *domain == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            _ => return Err(IdentifierError::NotHttps),
        }
        let origin = url.origin().ascii_serialization();
        let is_origin = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.ends_with('/');
        if !is_origin {
            return Err(IdentifierError::MoreThanOrigin);
        }
        if origin != text {
            return Err(IdentifierError::NotNormal);
        }
        let authority = origin
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        Ok(Self {
            did: format!("did:web:{}", authority.replace(':', "%3A")),
            text: origin,
        })
    }
}

impl fmt::Display for IssuerIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_identifier_and_has_a_did() {
        for (text, did) in [
            ("https://issuer.example", "did:web:issuer.example"),
            (
                "https://issuer.example:8443",
                "did:web:issuer.example%3A8443",
            ),
            ("http://127.0.0.1:3000", "did:web:127.0.0.1%3A3000"),
            ("http://localhost:3000", "did:web:localhost%3A3000"),
        ] {
            let identifier: IssuerIdentifier = text.parse().unwrap();
            assert_eq!(identifier.as_str(), text);
            assert_eq!(identifier.did(), did);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (text, error) in [
            ("issuer.example", IdentifierError::NotAUrl),
            ("http://issuer.example", IdentifierError::NotHttps),
            ("ftp://issuer.example", IdentifierError::NotHttps),
            ("https://issuer.example/", IdentifierError::MoreThanOrigin),
            (
                "https://issuer.example/tenant",
                IdentifierError::MoreThanOrigin,
            ),
            (
                "https://issuer.example?x=1",
                IdentifierError::MoreThanOrigin,
            ),
            ("https://issuer.example#x", IdentifierError::MoreThanOrigin),
            (
                "https://user@issuer.example",
                IdentifierError::MoreThanOrigin,
            ),
            ("https://Issuer.example", IdentifierError::NotNormal),
            ("https://issuer.example:443", IdentifierError::NotNormal),
        ] {
            assert_eq!(text.parse::<IssuerIdentifier>(), Err(error), "{text}");
        }
    }
}
