//! ES256 keys, JWKs, compact JWS and certificate chains.
