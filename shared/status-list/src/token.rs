//! The Status List Token: a list, signed, for everyone to fetch.

use bestow_jose::jws::SigningInput;
use bestow_signing::{SignError, SigningIdentity};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};

use crate::list::EncodedStatusList;

/// The token's `typ` (§5.1).
pub(crate) const TYPE: &str = "statuslist+jwt";
/// The media type that it is served as (§8.2).
pub const MEDIA_TYPE: &str = "application/statuslist+jwt";

/// The claims of a Status List Token in JWT format (§5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListToken {
    /// The URI that the list is published at: the `uri` in each credential, character by character.
    #[serde(rename = "sub")]
    pub uri: String,
    /// When the token was made.
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From when the token must no longer be used.
    #[serde(
        rename = "exp",
        with = "second::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub expires_at: Option<Timestamp>,
    /// Seconds for which a relying party may keep the token before it fetches the next one.
    #[serde(rename = "ttl", skip_serializing_if = "Option::is_none", default)]
    pub ttl_seconds: Option<u64>,
    /// The list.
    pub status_list: EncodedStatusList,
}

impl StatusListToken {
    /// Signs the token: a compact JWS, the body of the answer to `GET {uri}`.
    pub async fn sign(&self, identity: &SigningIdentity) -> Result<String, SignError> {
        let mut header = identity.header(TYPE);
        // It proves nothing, but the OpenID conformance suite looks for the key here (outside of HAIP).
        header.insert("jwk".to_owned(), identity.public_jwk().to_json());
        let input = SigningInput::new(&header, self)?;
        let signature = identity.signer().sign(input.as_bytes()).await?;
        Ok(input.finish(&signature))
    }
}
