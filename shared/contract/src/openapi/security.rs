//! How callers show who they are, and what they need for each operation.

use crate::Scope;
use utoipa::openapi::{
    ComponentsBuilder,
    security::{
        ApiKey, ApiKeyValue, ClientCredentials, Flow, OAuth2, Scopes, SecurityRequirement,
        SecurityScheme,
    },
};

const API_KEY: &str = "apiKey";
const OAUTH2: &str = "oauth2";

/// A document is the same for every deployment, and each has an authorization server of its own, or none.
const TOKEN_URL: &str = "https://authorization-server.example/token";

/// Adds the ways to show who one is.
pub(super) fn schemes(components: ComponentsBuilder) -> ComponentsBuilder {
    let key = ApiKeyValue::with_description(
        "x-api-key",
        "A key that the operator gave you. It has scopes, as access tokens have.",
    );
    let scopes = Scope::ALL.map(|scope| (scope.as_str(), scope.description()));
    let flow = ClientCredentials::new(TOKEN_URL, Scopes::from_iter(scopes));
    let token = OAuth2::with_description(
        [Flow::ClientCredentials(flow)],
        "Where the operator has set an authorization server up: an access token (a JWT, RFC 9068) of it, in \
         `Authorization: Bearer`. Ask the operator for its token endpoint; the one that stands here is an example.",
    );
    components
        .security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(key)))
        .security_scheme(OAUTH2, SecurityScheme::OAuth2(token))
}

/// What an operation takes that needs `scope`: either of the two. A key's scopes cannot be said here.
pub(super) fn needs(scope: Scope) -> [SecurityRequirement; 2] {
    [
        SecurityRequirement::new(API_KEY, [] as [&str; 0]),
        SecurityRequirement::new(OAUTH2, [scope.as_str()]),
    ]
}
