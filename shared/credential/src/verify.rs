//! Verifying an SD-JWT and putting its claims together again (RFC 9901 §7.1).

use std::collections::{HashMap, HashSet};
use std::fmt;

use bestow_jose::jws::{Header, JwsError, Policy, Unverified};
use bestow_jose::{ClaimsError, Expected, PublicJwk};
use bestow_status_list::StatusReference;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::disclosure::{self, Disclosure, DisclosureError};
use crate::{NEVER_DISCLOSABLE, SD_JWT_VC};

/// The longest credential that is read, in bytes. Portraits make credentials large.
const MAX_BYTES: usize = 1 << 20;
/// How deeply claims may be nested once all disclosures are in place: as deep as in one JSON text.
const MAX_DEPTH: usize = 128;

/// Why an SD-JWT is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SdJwtError {
    #[error("the text is not an SD-JWT that ends with ~")]
    Form,
    #[error("the issuer-signed JWT is refused")]
    Jws(#[from] JwsError),
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
    #[error("the hash algorithm must be sha-256")]
    HashAlgorithm,
    #[error("a digest in the payload is malformed")]
    MalformedDigest,
    #[error("a digest occurs twice")]
    DuplicateDigest,
    #[error("a disclosure belongs to no digest in the payload")]
    UnusedDisclosure,
    #[error("a disclosure does not fit the place of its digest")]
    MisplacedDisclosure,
    #[error("a disclosed claim is there already")]
    DuplicateClaim,
    #[error("a claim that must always be visible was selectively disclosable")]
    NeverDisclosable,
    #[error("the claims are nested too deeply")]
    TooDeep,
    #[error("the credential has no type (vct)")]
    Type,
    #[error("the credential is not valid now")]
    Times(#[from] ClaimsError),
    #[error("the credential's {0} is malformed")]
    Claim(&'static str),
}

/// An SD-JWT whose header is acceptable and whose signature has not been verified.
pub struct UnverifiedSdJwt<'a> {
    jwt: Unverified<'a>,
    disclosures: &'a str,
}

impl<'a> UnverifiedSdJwt<'a> {
    /// Reads an SD-JWT VC as it was issued: `typ` must be [`SD_JWT_VC`].
    pub fn read(credential: &'a str) -> Result<Self, SdJwtError> {
        Self::read_typed(credential, &[SD_JWT_VC])
    }

    /// Reads an SD-JWT with one of the given values of `typ`.
    pub fn read_typed(sd_jwt: &'a str, types: &[&str]) -> Result<Self, SdJwtError> {
        let policy = Policy::es256(types, MAX_BYTES);
        if sd_jwt.len() > MAX_BYTES {
            return Err(JwsError::TooLarge {
                max_bytes: MAX_BYTES,
            }
            .into());
        }
        let (jwt, disclosures) = sd_jwt.split_once('~').ok_or(SdJwtError::Form)?;
        // After the last tilde comes a key binding JWT, which no issued credential has (§7.2).
        if !disclosures.is_empty() && !disclosures.ends_with('~') {
            return Err(SdJwtError::Form);
        }
        Ok(Self {
            jwt: Unverified::read(jwt, &policy)?,
            disclosures,
        })
    }

    /// The header, to choose the key by: `kid` in the issuer's JWK Set, or `x5c` after its path was
    /// validated.
    pub fn header(&self) -> &Header {
        self.jwt.header()
    }

    /// Verifies the signature, puts the disclosed claims in their places, and checks the times. Whether the credential
    /// has been revoked, its [status](VerifiedSdJwt::status) says.
    pub fn verify(self, key: &PublicJwk, now: Timestamp) -> Result<VerifiedSdJwt, SdJwtError> {
        let verified = self.jwt.verify(key)?;
        let mut claims = verified.claims;
        if claims.remove("_sd_alg").is_some_and(|alg| alg != "sha-256") {
            return Err(SdJwtError::HashAlgorithm);
        }
        let disclosures = self
            .disclosures
            .split_terminator('~')
            .map(|encoded| Ok((disclosure::digest(encoded), Disclosure::parse(encoded)?)))
            .collect::<Result<Vec<_>, DisclosureError>>()?;
        let mut revealer = Revealer {
            unused: HashMap::with_capacity(disclosures.len()),
            seen: HashSet::new(),
        };
        for (digest, disclosure) in &disclosures {
            if revealer.unused.insert(digest, disclosure).is_some() {
                return Err(SdJwtError::DuplicateDigest);
            }
        }
        revealer.reveal_members(&mut claims, 0)?;
        if !revealer.unused.is_empty() {
            return Err(SdJwtError::UnusedDisclosure);
        }
        let disclosures = disclosures
            .into_iter()
            .map(|(_, disclosure)| disclosure)
            .collect();
        let expected = Expected {
            whole_seconds: true,
            ..Expected::default()
        };
        expected.check(&claims, now)?;
        let is_vc = verified
            .header
            .get("typ")
            .is_some_and(|typ| typ == SD_JWT_VC);
        if is_vc && !claims.get("vct").is_some_and(Value::is_string) {
            return Err(SdJwtError::Type);
        }
        Ok(VerifiedSdJwt {
            header: verified.header,
            claims,
            disclosures,
        })
    }
}

impl fmt::Debug for UnverifiedSdJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedSdJwt")
            .field("header", self.header())
            .finish_non_exhaustive()
    }
}

/// An SD-JWT whose signature has been verified, with the disclosed claims in their places.
#[derive(Clone)]
pub struct VerifiedSdJwt {
    /// The header of the issuer-signed JWT.
    pub header: Header,
    /// The processed payload: all claims that are visible or disclosed, without digests.
    pub claims: Map<String, Value>,
    /// What was selectively disclosable and came with the credential, in the order of the text.
    pub disclosures: Vec<Disclosure>,
}

impl VerifiedSdJwt {
    /// The key that the credential is bound to (`cnf.jwk`), if it is bound to one.
    pub fn holder_key(&self) -> Result<Option<PublicJwk>, SdJwtError> {
        let Some(cnf) = self.claims.get("cnf") else {
            return Ok(None);
        };
        let jwk = cnf.get("jwk").ok_or(SdJwtError::Claim("cnf"))?;
        PublicJwk::from_json(jwk)
            .map(Some)
            .map_err(|_| SdJwtError::Claim("cnf"))
    }

    /// Where to find the credential's status, if it has one.
    pub fn status(&self) -> Result<Option<StatusReference>, SdJwtError> {
        let Some(status) = self.claims.get("status") else {
            return Ok(None);
        };
        let entry = status.get("status_list").map(StatusReference::deserialize);
        match entry {
            Some(Ok(entry)) => Ok(Some(entry)),
            _ => Err(SdJwtError::Claim("status")),
        }
    }
}

impl fmt::Debug for VerifiedSdJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedSdJwt")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Replaces digests by what they stand for.
struct Revealer<'a> {
    /// The disclosures that no digest has led to yet, by digest.
    unused: HashMap<&'a str, &'a Disclosure>,
    /// All digests so far, those without a disclosure too.
    seen: HashSet<String>,
}

impl<'a> Revealer<'a> {
    fn reveal(&mut self, value: &mut Value, depth: usize) -> Result<(), SdJwtError> {
        // One JSON text is never deeper than this, but disclosures within disclosures may be.
        if depth > MAX_DEPTH {
            return Err(SdJwtError::TooDeep);
        }
        match value {
            Value::Object(members) => self.reveal_members(members, depth),
            Value::Array(items) => self.reveal_elements(items, depth),
            _ => Ok(()),
        }
    }

    fn reveal_members(
        &mut self,
        members: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), SdJwtError> {
        let digests = members.remove("_sd");
        // An array has taken its own digests out; one that is left stands where it means nothing.
        if members.contains_key("...") {
            return Err(SdJwtError::MalformedDigest);
        }
        for value in members.values_mut() {
            self.reveal(value, depth + 1)?;
        }
        let Some(digests) = digests else {
            return Ok(());
        };
        for digest in digests.as_array().ok_or(SdJwtError::MalformedDigest)? {
            let Some(disclosure) = self.take(digest)? else {
                continue;
            };
            let name = disclosure
                .name
                .as_ref()
                .ok_or(SdJwtError::MisplacedDisclosure)?;
            if depth == 0 && NEVER_DISCLOSABLE.contains(&name.as_str()) {
                return Err(SdJwtError::NeverDisclosable);
            }
            let mut value = disclosure.value.clone();
            self.reveal(&mut value, depth + 1)?;
            if members.insert(name.clone(), value).is_some() {
                return Err(SdJwtError::DuplicateClaim);
            }
        }
        Ok(())
    }

    fn reveal_elements(&mut self, items: &mut Vec<Value>, depth: usize) -> Result<(), SdJwtError> {
        let concealed = std::mem::take(items);
        for mut item in concealed {
            if let Some(digest) = item.get("...") {
                if item.as_object().is_none_or(|members| members.len() != 1) {
                    return Err(SdJwtError::MalformedDigest);
                }
                // An element that is not disclosed is not there.
                let Some(disclosure) = self.take(digest)? else {
                    continue;
                };
                if disclosure.name.is_some() {
                    return Err(SdJwtError::MisplacedDisclosure);
                }
                item = disclosure.value.clone();
            }
            self.reveal(&mut item, depth + 1)?;
            items.push(item);
        }
        Ok(())
    }

    /// The disclosure of a digest, if it came with the credential. Each digest counts once.
    fn take(&mut self, digest: &Value) -> Result<Option<&'a Disclosure>, SdJwtError> {
        let digest = digest.as_str().ok_or(SdJwtError::MalformedDigest)?;
        if !self.seen.insert(digest.to_owned()) {
            return Err(SdJwtError::DuplicateDigest);
        }
        Ok(self.unused.remove(digest))
    }
}
