//! Public keys as DIDs that carry the key in their name: `did:jwk` and `did:key`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json;
use crate::public_jwk::{JwkError, PublicJwk};

/// The multicodec code of a compressed P-256 key, `p256-pub` (0x1200), as a varint.
const P256_PUB: [u8; 2] = [0x80, 0x24];
/// More than any P-256 key needs; base58 takes quadratic time.
const MAX_DID_BYTES: usize = 2_048;

/// Why a DID URL holds no acceptable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum DidError {
    #[error("only did:jwk and did:key are resolved")]
    Method,
    #[error("the DID is too long")]
    TooLong,
    #[error("the {method} identifier is malformed")]
    Malformed { method: &'static str },
    #[error("the DID document has no such verification method")]
    Fragment,
    #[error(transparent)]
    Key(#[from] JwkError),
}

impl PublicJwk {
    /// The key in a DID or DID URL of the methods `did:jwk` and `did:key`. A fragment is optional, but must be
    /// the method's: `#0` for `did:jwk`, the identifier itself for `did:key`.
    pub fn from_did_url(did_url: &str) -> Result<Self, DidError> {
        if did_url.len() > MAX_DID_BYTES {
            return Err(DidError::TooLong);
        }
        let (did, fragment) = did_url
            .split_once('#')
            .map_or((did_url, None), |(did, fragment)| (did, Some(fragment)));
        let (key, own_fragment) = if let Some(identifier) = did.strip_prefix("did:jwk:") {
            (from_did_jwk(identifier)?, "0")
        } else if let Some(identifier) = did.strip_prefix("did:key:") {
            (from_did_key(identifier)?, identifier)
        } else {
            return Err(DidError::Method);
        };
        match fragment {
            Some(fragment) if fragment != own_fragment => Err(DidError::Fragment),
            _ => Ok(key),
        }
    }
}

fn from_did_jwk(identifier: &str) -> Result<PublicJwk, DidError> {
    let malformed = || DidError::Malformed { method: "did:jwk" };
    let bytes = URL_SAFE_NO_PAD
        .decode(identifier)
        .map_err(|_| malformed())?;
    let members = json::parse_object(&bytes).map_err(|_| malformed())?;
    Ok(PublicJwk::from_members(&members)?)
}

fn from_did_key(identifier: &str) -> Result<PublicJwk, DidError> {
    let malformed = || DidError::Malformed { method: "did:key" };
    let encoded = identifier.strip_prefix('z').ok_or_else(malformed)?;
    let bytes = bs58::decode(encoded).into_vec().map_err(|_| malformed())?;
    let point = bytes.strip_prefix(&P256_PUB).ok_or(JwkError::Curve)?;
    // The method encodes P-256 points compressed, and nothing else.
    if point.len() != 33 {
        return Err(malformed());
    }
    Ok(PublicJwk::from_point(point)?)
}
