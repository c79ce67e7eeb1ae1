//! The OpenID4VCI issuer's domain, as pure functions.
