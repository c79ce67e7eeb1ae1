//! Tokens that are good, and each way of being bad.

use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_jose::jws::Unverified;
use bestow_jose::{VerificationKey, read_jwk_set};
use serde_json::json;

const NOW_SECONDS: i64 = 1_795_456_800;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An authorization server with a key of each kind.
struct Server {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Server {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed25519: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn jwks(&self) -> Vec<VerificationKey> {
        // RFC 8017 Appendix A.1.1, of 2048 bits.
        let rsa = self.rsa.public_key().as_ref();
        let p256 = self.p256.public_key().as_ref();
        let set = json!({"keys": [
            {
                "kty": "RSA", "kid": "rsa", "use": "sig",
                "n": base64(&rsa[9..265]),
                "e": base64(&rsa[267..]),
            },
            {"kty": "EC", "crv": "P-256", "kid": "p256", "alg": "ES256",
             "x": base64(&p256[1..33]), "y": base64(&p256[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed25519",
             "x": base64(self.ed25519.public_key())},
        ]});
        read_jwk_set(set.to_string().as_bytes()).unwrap()
    }

    /// The signature by `alg`, whatever the header says.
    fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |encoding: &'static dyn signature::RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa
                .sign(encoding, &random, message, &mut signature)
                .unwrap();
            signature
        };
        match alg {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "ES256" => self.p256.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(message).as_ref().to_vec(),
            other => panic!("{other}"),
        }
    }

    fn token(&self, header: Value, claims: &Value) -> String {
        let alg = header["alg"].as_str().unwrap().to_owned();
        let signed = format!(
            "{}.{}",
            base64(header.to_string()),
            base64(claims.to_string())
        );
        let signature = self.sign(&alg, signed.as_bytes());
        format!("{signed}.{}", base64(signature))
    }
}

fn es256() -> Value {
    json!({"alg": "ES256", "kid": "p256", "typ": "at+jwt"})
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example/",
        "aud": "https://issuer.example",
        "exp": NOW_SECONDS + 60,
        "nbf": NOW_SECONDS,
        "client_id": "web-shop",
        "sub": "web-shop",
        "scope": "issue:write issue:read openid",
    })
}

fn with(mut value: Value, member: &str, changed: Value) -> Value {
    value[member] = changed;
    value
}

fn check(server: &Server, token: &str) -> Result<Granted, TokenError> {
    let expected = Expected {
        issuer: "https://login.example/".to_owned(),
        audience: "https://issuer.example".to_owned(),
    };
    let unverified = Unverified::read(token, &POLICY)?;
    let mut keys = server.jwks();
    keys.retain(|key| Some(key.kid()) == unverified.header().kid());
    if keys.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    let now = Timestamp::from_second(NOW_SECONDS).unwrap();
    granted(unverified.verify(&*keys)?.claims, &expected, now)
}

#[test]
fn a_good_token_is_taken_by_each_algorithm() {
    let server = Server::new();
    for (alg, kid) in [
        ("RS256", "rsa"),
        ("PS256", "rsa"),
        ("ES256", "p256"),
        ("EdDSA", "ed25519"),
    ] {
        for typ in [
            json!("at+jwt"),
            json!("application/at+jwt"),
            json!("JWT"),
            Value::Null,
        ] {
            let token = server.token(json!({"alg": alg, "kid": kid, "typ": typ}), &claims());
            let granted = check(&server, &token).unwrap();
            assert_eq!(granted.client, "web-shop", "{alg}");
            assert_eq!(granted.scopes, [Scope::IssueWrite, Scope::IssueRead].into());
        }
    }
}

#[test]
fn scopes_and_clients_are_found_where_servers_put_them() {
    let server = Server::new();
    for (member, value) in [
        ("scope", json!("openid issue:read")),
        ("scope", json!(["openid", "issue:read"])),
        ("scope", json!("https://issuer.example/issue:read")),
        ("scp", json!(["issue:read"])),
        ("scp", json!("issue:read")),
        ("roles", json!(["issue:read", "Admin"])),
    ] {
        let mut claims = with(claims(), "scope", Value::Null);
        claims[member] = value;
        let granted = check(&server, &server.token(es256(), &claims)).unwrap();
        assert_eq!(granted.scopes, [Scope::IssueRead].into(), "{claims}");
    }
    for nameless in [Value::Null, json!(7), json!([{"name": "issue:read"}])] {
        let none = with(claims(), "scope", nameless);
        let granted = check(&server, &server.token(es256(), &none)).unwrap();
        assert!(granted.scopes.is_empty());
    }
    let roles = with(claims(), "roles", json!([{"name": "Admin"}]));
    let granted = check(&server, &server.token(es256(), &roles)).unwrap();
    assert_eq!(granted.scopes, [Scope::IssueWrite, Scope::IssueRead].into());

    let by_azp = with(
        with(claims(), "client_id", Value::Null),
        "azp",
        json!("by-azp"),
    );
    let granted = check(&server, &server.token(es256(), &by_azp)).unwrap();
    assert_eq!(granted.client, "by-azp");
    let by_sub = with(
        with(claims(), "client_id", Value::Null),
        "sub",
        json!("by-sub"),
    );
    let granted = check(&server, &server.token(es256(), &by_sub)).unwrap();
    assert_eq!(granted.client, "by-sub");
    let audiences = with(
        claims(),
        "aud",
        json!(["https://other.example", "https://issuer.example"]),
    );
    assert!(check(&server, &server.token(es256(), &audiences)).is_ok());
}

#[test]
fn what_a_token_says_must_be_what_is_expected() {
    let server = Server::new();
    for (member, value, fault) in [
        (
            "iss",
            json!("https://login.example"),
            TokenError::Claims(ClaimsError::Issuer),
        ),
        ("iss", Value::Null, TokenError::Claims(ClaimsError::Issuer)),
        (
            "aud",
            json!("https://issuer.example/"),
            TokenError::Claims(ClaimsError::Audience),
        ),
        ("aud", json!([]), TokenError::Claims(ClaimsError::Audience)),
        ("aud", json!({}), TokenError::Claims(ClaimsError::Audience)),
        (
            "aud",
            Value::Null,
            TokenError::Claims(ClaimsError::Audience),
        ),
        (
            "exp",
            json!(NOW_SECONDS - 30),
            TokenError::Claims(ClaimsError::Expired),
        ),
        ("exp", json!(0.5), TokenError::Claims(ClaimsError::Expired)),
        (
            "exp",
            Value::Null,
            TokenError::Claims(ClaimsError::NoExpiry),
        ),
        (
            "exp",
            json!("tomorrow"),
            TokenError::Claims(ClaimsError::Malformed("exp")),
        ),
        (
            "nbf",
            json!(NOW_SECONDS + 31),
            TokenError::Claims(ClaimsError::NotYetValid),
        ),
        ("client_id", json!(""), TokenError::NoClient),
        ("client_id", json!("a b\n"), TokenError::NoClient),
        ("client_id", json!("x".repeat(201)), TokenError::NoClient),
    ] {
        let token = server.token(es256(), &with(claims(), member, value.clone()));
        assert_eq!(check(&server, &token), Err(fault), "{member} {value}");
    }
    // Clocks differ a little.
    for (member, value) in [("exp", NOW_SECONDS - 29), ("nbf", NOW_SECONDS + 30)] {
        let token = server.token(es256(), &with(claims(), member, json!(value)));
        assert!(check(&server, &token).is_ok(), "{member}");
    }
}

#[test]
fn only_a_signature_of_the_servers_own_key_counts() {
    let (server, stranger) = (Server::new(), Server::new());
    let token = stranger.token(es256(), &claims());
    assert_eq!(check(&server, &token), Err(TokenError::Signature));
    // Another key's kid, and an algorithm that is not the key's.
    let token = server.token(json!({"alg": "ES256", "kid": "ed25519"}), &claims());
    assert_eq!(check(&server, &token), Err(TokenError::Signature));
    let token = server.token(json!({"alg": "ES256", "kid": "nobodys"}), &claims());
    assert_eq!(check(&server, &token), Err(TokenError::UnknownKey));
    // Other claims under a good signature.
    let good = server.token(es256(), &claims());
    let mut parts: Vec<&str> = good.split('.').collect();
    let other = base64(with(claims(), "scope", json!("credential:status")).to_string());
    parts[1] = &other;
    assert_eq!(check(&server, &parts.join(".")), Err(TokenError::Signature));
}

#[test]
fn a_token_that_anyone_could_make_is_refused() {
    let server = Server::new();
    let claims = base64(claims().to_string());
    for alg in ["none", "None", "HS256", "hs256", "", "ES512"] {
        let header = base64(json!({"alg": alg, "kid": "rsa"}).to_string());
        let signed = format!("{header}.{claims}");
        // The old trick: the server's public key as the secret of a MAC.
        let public = server.rsa.public_key().as_ref().to_vec();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
        let mac = hmac::sign(&key, signed.as_bytes());
        for signature in [String::new(), base64(mac)] {
            let token = format!("{signed}.{signature}");
            assert_eq!(check(&server, &token), Err(TokenError::Algorithm), "{alg}");
        }
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let server = Server::new();
    let good = server.token(es256(), &claims());
    for (token, fault) in [
        (String::new(), TokenError::Malformed),
        ("opaque".to_owned(), TokenError::Malformed),
        ("..".to_owned(), TokenError::Malformed),
        ("a.b.c".to_owned(), TokenError::Malformed),
        (format!("{good}.{good}"), TokenError::Malformed),
        (format!("{good}="), TokenError::Malformed),
        (
            format!("{good}{}", "A".repeat(8 * 1024)),
            TokenError::TooLong,
        ),
    ] {
        assert_eq!(check(&server, &token), Err(fault), "{token}");
    }
    for (member, value, fault) in [
        ("typ", json!("logout+jwt"), TokenError::Type),
        ("typ", json!("dpop+jwt"), TokenError::Type),
        ("kid", Value::Null, TokenError::Header),
        ("crit", json!(["b64"]), TokenError::Header),
    ] {
        let token = server.token(with(es256(), member, value), &claims());
        assert_eq!(check(&server, &token), Err(fault), "{member}");
    }
}
