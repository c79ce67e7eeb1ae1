use std::sync::Arc;
use std::time::Duration;

use bestow_jose::jws::{JwsError, SigningInput};
use bestow_jose::{ClaimsError, PublicJwk};
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use bestow_status_list::{
    Bits, ListError, Status, StatusList, StatusListError, StatusListToken, StatusReference,
    UnknownStatusError, UnverifiedStatusList,
};
use futures::executor::block_on;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

const URI: &str = "https://issuer.example/wallet/status-lists/1";
const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

fn key() -> LocalKey {
    LocalKey::generate().unwrap()
}

/// A token of four 2-bit entries: valid, invalid, suspended, and a value of the application's own.
fn token() -> StatusListToken {
    let mut list = StatusList::new(Bits::Two, 4);
    list.set(1, Status::Invalid).unwrap();
    list.set(2, Status::Suspended).unwrap();
    list.set(3, 3).unwrap();
    StatusListToken {
        uri: URI.to_owned(),
        issued_at: NOW,
        expires_at: Some(NOW + Duration::from_secs(86_400)),
        ttl_seconds: Some(300),
        status_list: list.encode().unwrap(),
    }
}

fn identity(key: &LocalKey) -> SigningIdentity {
    SigningIdentity::new(Arc::new(key.clone()), "key-1")
}

fn signed(key: &LocalKey, token: &StatusListToken) -> String {
    block_on(token.sign(&identity(key))).unwrap()
}

/// A JWS of this type.
fn jws(key: &LocalKey, typ: &str, claims: &impl Serialize) -> String {
    let input = SigningInput::new(&json!({"alg": "ES256", "typ": typ}), claims).unwrap();
    let signature = key.sign_now(input.as_bytes()).unwrap();
    input.finish(&signature)
}

/// Signs claims that the crate itself would not write.
fn signed_claims(key: &LocalKey, claims: &Value) -> String {
    jws(key, "statuslist+jwt", claims)
}

fn verify(key: &LocalKey, token: &str) -> Result<StatusList, StatusListError> {
    UnverifiedStatusList::read(token)?.verify(key.public_jwk(), URI, NOW)
}

#[test]
fn the_token_of_the_specification_verifies() {
    // draft-20 §5.1, and the key of the script that made it (src/util.py).
    let token = include_str!("../fixtures/draft-20-status-list-token.jwt").trim_end();
    let key = PublicJwk::from_json(&json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "I3HWm_0Ds1dPMI-IWmf4mBmH-YaeAVbPVu7vB27CxXo",
        "y": "6N_d5Elj9bs1htgV3okJKIdbHEpkgTmAluYKJemzn1M"
    }))
    .unwrap();
    let unverified = UnverifiedStatusList::read(token).unwrap();
    assert_eq!(unverified.header().kid(), Some("12"));

    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let verified = unverified
        .verify(&key, "https://example.com/statuslists/1", now)
        .unwrap();

    assert_eq!(verified.as_bytes(), [0xb9, 0xa3]);
    assert_eq!(verified.status(0).unwrap(), Status::Invalid);
    assert_eq!(verified.status(1).unwrap(), Status::Valid);
}

#[test]
fn each_credential_finds_its_status() {
    let key = key();

    let verified = verify(&key, &signed(&key, &token())).unwrap();

    assert_eq!(verified.status(0).unwrap(), Status::Valid);
    assert_eq!(verified.status(1).unwrap(), Status::Invalid);
    assert_eq!(verified.status(2).unwrap(), Status::Suspended);
    assert!(matches!(
        verified.status(3),
        Err(StatusListError::Unknown(UnknownStatusError(3)))
    ));
    assert!(matches!(
        verified.status(4),
        Err(StatusListError::List(ListError::Index))
    ));
}

#[test]
fn the_claims_have_the_names_of_the_specification() {
    let token = token();

    assert_eq!(
        serde_json::to_value(&token).unwrap(),
        json!({
            "sub": URI,
            "iat": NOW.as_second(),
            "exp": NOW.as_second() + 86_400,
            "ttl": 300,
            "status_list": {"bits": 2, "lst": token.status_list.lst}
        })
    );
    let entry = StatusReference {
        idx: 7,
        uri: URI.to_owned(),
    };
    let entry = serde_json::to_value(entry).unwrap();
    assert_eq!(entry, json!({"idx": 7, "uri": URI}));
}

#[test]
fn the_header_names_type_and_key() {
    let key = key();
    let signed = signed(&key, &token());
    let unverified = UnverifiedStatusList::read(&signed).unwrap();
    let header = unverified.header();

    assert_eq!(header.get("alg"), Some(&json!("ES256")));
    assert_eq!(header.get("typ"), Some(&json!("statuslist+jwt")));
    assert_eq!(header.kid(), Some("key-1"));
    assert_eq!(header.get("jwk"), Some(&key.public_jwk().to_json()));
    assert!(header.x5c().is_none());
}

#[test]
fn a_forged_token_is_refused() {
    let (key, other) = (key(), self::key());
    let token = signed(&other, &token());

    assert!(matches!(
        verify(&key, &token),
        Err(StatusListError::Jws(JwsError::Signature))
    ));
}

#[test]
fn a_token_of_another_type_is_refused() {
    let key = key();
    let token = jws(&key, "JWT", &token());

    assert!(matches!(
        verify(&key, &token),
        Err(StatusListError::Jws(JwsError::Type))
    ));
}

#[test]
fn the_list_of_another_uri_is_refused() {
    let key = key();
    for uri in [format!("{URI}/"), format!("{URI}0"), String::new()] {
        let token = signed(&key, &StatusListToken { uri, ..token() });
        assert!(matches!(
            verify(&key, &token),
            Err(StatusListError::OtherList)
        ));
    }
}

#[test]
fn a_token_is_accepted_in_its_time_only() {
    let key = key();
    let with = |issued_at, expires_at| {
        let token = StatusListToken {
            issued_at,
            expires_at,
            ..token()
        };
        verify(&key, &signed(&key, &token))
    };

    let second = Duration::from_secs(1);
    with(NOW, Some(NOW + second)).unwrap();
    with(NOW + 60 * second, None).unwrap();
    with(Timestamp::MIN, None).unwrap();
    assert!(matches!(
        with(Timestamp::UNIX_EPOCH, Some(NOW)),
        Err(StatusListError::Times(ClaimsError::Expired))
    ));
    assert!(matches!(
        with(Timestamp::UNIX_EPOCH, Some(Timestamp::MIN)),
        Err(StatusListError::Times(ClaimsError::Expired))
    ));
    assert!(matches!(
        with(NOW + 61 * second, None),
        Err(StatusListError::Times(ClaimsError::FromTheFuture))
    ));
    assert!(matches!(
        with(Timestamp::MAX, None),
        Err(StatusListError::Times(ClaimsError::FromTheFuture))
    ));
}

#[test]
fn malformed_claims_are_refused() {
    let key = key();
    let valid = serde_json::to_value(token()).unwrap();
    verify(&key, &signed_claims(&key, &valid)).unwrap();

    for required in ["sub", "iat", "status_list"] {
        let mut claims = valid.clone();
        claims.as_object_mut().unwrap().remove(required);
        let refusal = verify(&key, &signed_claims(&key, &claims)).unwrap_err();
        assert!(matches!(refusal, StatusListError::Claims(_)), "{required}");
    }
    for (name, value) in [
        ("iat", json!("1")),
        ("ttl", json!(-1)),
        ("exp", json!([])),
        ("status_list", json!({"bits": 256, "lst": ""})),
    ] {
        let mut claims = valid.clone();
        claims[name] = value;
        let refusal = verify(&key, &signed_claims(&key, &claims)).unwrap_err();
        assert!(matches!(refusal, StatusListError::Claims(_)), "{name}");
    }
    let mut claims = valid.clone();
    claims["ttl"] = json!(0);
    assert!(matches!(
        verify(&key, &signed_claims(&key, &claims)),
        Err(StatusListError::Ttl)
    ));
    claims = valid;
    claims["status_list"]["lst"] = json!("AAAA");
    assert!(matches!(
        verify(&key, &signed_claims(&key, &claims)),
        Err(StatusListError::List(ListError::Zlib))
    ));
}
