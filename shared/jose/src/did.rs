//! Public keys as DIDs that carry the key in their name: `did:jwk` and `did:key`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json;
use crate::public_jwk::{JwkError, PublicJwk};

/// The multicodec code of a compressed P-256 key, `p256-pub` (0x1200), as a varint.
const P256_PUB: [u8; 2] = [0x80, 0x24];
/// Longer than any P-256 key with a few optional members, and short enough for base58's quadratic
/// time.
const MAX_DID_BYTES: usize = 2_048;

/// Why a DID URL names no key that Bestow can take from the URL itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DidError {
    /// Not `did:jwk` or `did:key`: resolving it would need the network, or it is no DID at all.
    #[error("only did:jwk and did:key are resolved")]
    Method,
    /// The identifier is longer than any key needs.
    #[error("the DID is too long")]
    TooLong,
    /// The identifier is not what its method prescribes.
    #[error("the {method} identifier is malformed")]
    Malformed {
        /// The method: `did:jwk` or `did:key`.
        method: &'static str,
    },
    /// The fragment names another verification method than the only one that the DID document has.
    #[error("the DID document has no such verification method")]
    Fragment,
    /// The key is not a P-256 public key.
    #[error(transparent)]
    Key(#[from] JwkError),
}

impl PublicJwk {
    /// Takes the key out of a DID or DID URL of the methods `did:jwk` and `did:key`.
    ///
    /// A fragment is optional, but must be the one that the method defines: `#0` for `did:jwk`, the
    /// identifier itself for `did:key`.
    pub fn from_did_url(did_url: &str) -> Result<Self, DidError> {
        if did_url.len() > MAX_DID_BYTES {
            return Err(DidError::TooLong);
        }
        let (did, fragment) = match did_url.split_once('#') {
            Some((did, fragment)) => (did, Some(fragment)),
            None => (did_url, None),
        };
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
