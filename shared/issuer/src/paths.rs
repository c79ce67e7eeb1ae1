//! Paths of the issuer's endpoints. The router serves them and the metadata names them.

/// Credential Offer by reference, `GET`.
pub const OFFER: &str = "/wallet/offers/{offer_id}";
/// Token endpoint, `POST`.
pub const TOKEN: &str = "/wallet/token";
/// Nonce endpoint, `POST`.
pub const NONCE: &str = "/wallet/nonce";
/// Credential endpoint, `POST`.
pub const CREDENTIAL: &str = "/wallet/credential";
/// Notification endpoint, `POST`.
pub const NOTIFICATION: &str = "/wallet/notification";
/// Status List Token, `GET`.
pub const STATUS_LIST: &str = "/wallet/status-lists/{list_id}";
/// The issuer's JWK Set, `GET`.
pub const JWKS: &str = "/wallet/jwks";

/// Credential Issuer Metadata (OpenID4VCI 1.0 §12.2.2).
pub const CREDENTIAL_ISSUER_METADATA: &str = "/.well-known/openid-credential-issuer";
/// Authorization Server Metadata (RFC 8414 §3).
pub const AUTHORIZATION_SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
/// Where older wallets look for the Authorization Server Metadata.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// JWT VC Issuer Metadata (SD-JWT VC §4).
pub const JWT_VC_ISSUER: &str = "/.well-known/jwt-vc-issuer";
/// The issuer's DID document (did:web §3.2).
pub const DID_DOCUMENT: &str = "/.well-known/did.json";
