//! The documents by which wallets and verifiers find out about the issuer.
//!
//! They serve wallets of OpenID4VCI 1.0 and of drafts 13 to 15: what moved into `credential_metadata` in draft 16 also
//! stands where it stood before.

use bestow_credential::SD_JWT_VC;
use bestow_jose::ES256;
use serde_json::{Map, Value, json};

use crate::credential_offer::PRE_AUTHORIZED_CODE;
use crate::issuer::Issuer;
use crate::paths;
use crate::template::Template;

impl Issuer {
    /// Credential Issuer Metadata (OpenID4VCI 1.0 §12.2.4), served at
    /// [`paths::CREDENTIAL_ISSUER_METADATA`].
    ///
    /// Without `authorization_servers`, with which wallets must send `locations` (§5.1.1), which many do not.
    pub fn credential_issuer_metadata(&self) -> Value {
        let templates = self.offers.templates.iter();
        let configurations: Map<String, Value> = templates
            .map(|template| {
                let id = template.configuration_id().to_owned();
                (id, configuration(template))
            })
            .collect();
        json!({
            "credential_issuer": self.offers.identifier.as_str(),
            "credential_endpoint": self.identifier().url(paths::CREDENTIAL),
            "nonce_endpoint": self.identifier().url(paths::NONCE),
            "notification_endpoint": self.identifier().url(paths::NOTIFICATION),
            "credential_configurations_supported": configurations,
        })
    }

    /// Authorization Server Metadata (RFC 8414 §2, OpenID4VCI 1.0 §12.3), served at
    /// [`paths::AUTHORIZATION_SERVER_METADATA`] and [`paths::OPENID_CONFIGURATION`].
    pub fn authorization_server_metadata(&self) -> Value {
        let templates = self.offers.templates.iter();
        let scopes: Vec<&str> = templates.map(Template::configuration_id).collect();
        json!({
            "issuer": self.offers.identifier.as_str(),
            "token_endpoint": self.identifier().url(paths::TOKEN),
            "token_endpoint_auth_methods_supported": ["none"],
            "grant_types_supported": [PRE_AUTHORIZED_CODE],
            "pre-authorized_grant_anonymous_access_supported": true,
            "authorization_details_types_supported": ["openid_credential"],
            "response_types_supported": [],
            "scopes_supported": scopes,
        })
    }

    /// JWT VC Issuer Metadata (SD-JWT VC §4), served at [`paths::JWT_VC_ISSUER`].
    pub fn jwt_vc_issuer_metadata(&self) -> Value {
        json!({"issuer": self.offers.identifier.as_str(), "jwks": self.jwks()})
    }

    /// The JWK Set with which credentials and status lists verify, served at [`paths::JWKS`].
    pub fn jwks(&self) -> Value {
        let mut key = self.signing.public_jwk().to_json();
        if let Some(members) = key.as_object_mut() {
            members.insert("kid".to_owned(), json!(self.signing.kid()));
            members.insert("use".to_owned(), json!("sig"));
            members.insert("alg".to_owned(), json!(ES256));
            if let Some(chain) = self.signing.chain() {
                members.insert("x5c".to_owned(), json!(chain.to_x5c()));
            }
        }
        json!({"keys": [key]})
    }

    /// The DID document of [`crate::IssuerIdentifier::did`], served at [`paths::DID_DOCUMENT`].
    pub fn did_document(&self) -> Value {
        let did = self.offers.identifier.did();
        let method = format!("{did}#{}", self.signing.kid());
        json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
            "id": did,
            "verificationMethod": [{
                "id": method,
                "type": "JsonWebKey2020",
                "controller": did,
                "publicKeyJwk": self.signing.public_jwk().to_json(),
            }],
            "assertionMethod": [method],
            "authentication": [method],
        })
    }
}

/// One entry of `credential_configurations_supported` (OpenID4VCI 1.0 §12.2.4, Appendix A.3.2).
fn configuration(template: &Template) -> Value {
    let claims: Vec<Value> = template
        .claims()
        .iter()
        .map(|claim| {
            json!({
                "path": claim.path,
                "mandatory": template.is_mandatory(&claim.path),
                "display": claim.display,
            })
        })
        .collect();
    json!({
        "format": SD_JWT_VC,
        "scope": template.configuration_id(),
        "vct": template.vct(),
        "cryptographic_binding_methods_supported": ["jwk", "did:jwk", "did:key"],
        "credential_signing_alg_values_supported": [ES256],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": [ES256]}},
        "credential_metadata": {"display": template.display(), "claims": claims},
        // Where drafts 13 to 15 look for them. Draft 13 had `claims` as an object, which is a fault to wallets of 1.0.
        "display": template.display(),
        "claims": claims,
    })
}
