//! The Status List Token: a list, signed, for everyone to fetch.

use bestow_jose::ES256;
use bestow_jose::jws::SigningInput;
use bestow_signing::{SignError, SigningIdentity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::list::EncodedStatusList;

/// The token's `typ` (§5.1).
pub const TYPE: &str = "statuslist+jwt";
/// The media type that it is served as (§8.2).
pub const MEDIA_TYPE: &str = "application/statuslist+jwt";

/// The claims of a Status List Token in JWT format (§5.1). Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListToken {
    /// The URI that the list is published at: the `uri` in each credential, character by character.
    #[serde(rename = "sub")]
    pub uri: String,
    /// When the token was made.
    #[serde(rename = "iat")]
    pub issued_at_seconds: i64,
    /// When the token must no longer be used. Sign anew before.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none", default)]
    pub expires_at_seconds: Option<i64>,
    /// How long a relying party may keep the token before it fetches the next one, in seconds.
    #[serde(rename = "ttl", skip_serializing_if = "Option::is_none", default)]
    pub ttl_seconds: Option<u64>,
    /// The list.
    pub status_list: EncodedStatusList,
}

impl StatusListToken {
    /// Signs the token: a compact JWS, the body of the answer to `GET {uri}`.
    pub async fn sign(&self, identity: &SigningIdentity) -> Result<String, SignError> {
        let input = SigningInput::new(&header(identity), self)?;
        let signature = identity.signer().sign(input.as_bytes()).await?;
        Ok(input.finish(&signature))
    }
}

/// HAIP verifiers find the key by `x5c`. `jwk` is there for verifiers that know neither
/// certificates nor the issuer's JWK Set, such as the OpenID conformance suite outside of HAIP; it
/// proves nothing by itself.
fn header(identity: &SigningIdentity) -> Value {
    let mut header = json!({
        "alg": ES256,
        "typ": TYPE,
        "kid": identity.kid(),
        "jwk": identity.public_jwk().to_json(),
    });
    if let (Some(chain), Some(members)) = (identity.chain(), header.as_object_mut()) {
        members.insert("x5c".to_owned(), chain.to_x5c().into());
    }
    header
}
