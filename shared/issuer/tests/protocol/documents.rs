//! Metadata and keys.

use serde_json::{Value, json};

use crate::world::{issuer, issuer_named};

/// All strings in a document.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(elements) => elements.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => vec![],
    }
}

#[test]
fn issuer_metadata_serves_1_0_and_its_drafts() {
    let metadata = issuer().credential_issuer_metadata();
    assert_eq!(metadata["credential_issuer"], "https://issuer.example");
    assert_eq!(
        metadata["credential_endpoint"],
        "https://issuer.example/wallet/credential"
    );
    assert_eq!(
        metadata["nonce_endpoint"],
        "https://issuer.example/wallet/nonce"
    );
    assert_eq!(
        metadata["notification_endpoint"],
        "https://issuer.example/wallet/notification"
    );
    assert_eq!(metadata.get("authorization_servers"), None);
    assert_eq!(metadata.get("batch_credential_issuance"), None);
    let configurations = metadata["credential_configurations_supported"]
        .as_object()
        .unwrap();
    assert_eq!(configurations.len(), 3);
    for configuration in configurations.values() {
        assert_eq!(configuration["format"], "dc+sd-jwt");
        assert_eq!(
            configuration["proof_types_supported"],
            json!({"jwt": {"proof_signing_alg_values_supported": ["ES256"]}})
        );
        assert!(configuration["cryptographic_binding_methods_supported"].is_array());
        let current = &configuration["credential_metadata"];
        assert_eq!(configuration["display"], current["display"]);
        assert_eq!(configuration["claims"], current["claims"]);
        // An object, as in draft 13, would be a fault to wallets of 1.0.
        assert!(configuration["claims"].is_array());
    }
    let claims = &configurations["BankAccountCredential"]["claims"];
    assert_eq!(claims[1]["path"], json!(["iban"]));
    assert_eq!(claims[1]["mandatory"], true);
    assert_eq!(claims[2]["mandatory"], false);
}

#[test]
fn authorization_server_metadata_allows_anonymous_redemption() {
    let metadata = issuer().authorization_server_metadata();
    assert_eq!(metadata["issuer"], "https://issuer.example");
    assert_eq!(
        metadata["token_endpoint"],
        "https://issuer.example/wallet/token"
    );
    assert_eq!(
        metadata["pre-authorized_grant_anonymous_access_supported"],
        true
    );
    assert_eq!(
        metadata["grant_types_supported"],
        json!(["urn:ietf:params:oauth:grant-type:pre-authorized_code"])
    );
    assert_eq!(
        metadata["authorization_details_types_supported"],
        json!(["openid_credential"])
    );
}

#[test]
fn the_key_is_published_alike_everywhere() {
    let issuer = issuer_named("http://127.0.0.1:3000");
    let jwks = issuer.jwks();
    let key = &jwks["keys"][0];
    assert_eq!(key["kid"], "key-1");
    assert_eq!(key["alg"], "ES256");
    assert_eq!(key["use"], "sig");
    assert_eq!(key.get("d"), None);
    assert_eq!(
        issuer.jwt_vc_issuer_metadata(),
        json!({"issuer": "http://127.0.0.1:3000", "jwks": jwks})
    );
    let document = issuer.did_document();
    assert_eq!(document["id"], "did:web:127.0.0.1%3A3000");
    assert_eq!(
        document["verificationMethod"][0]["id"],
        "did:web:127.0.0.1%3A3000#key-1"
    );
    assert_eq!(
        document["assertionMethod"],
        json!(["did:web:127.0.0.1%3A3000#key-1"])
    );
    assert_eq!(
        document["verificationMethod"][0]["publicKeyJwk"]["x"],
        key["x"]
    );
}

#[test]
fn n36_every_address_comes_from_the_configuration() {
    let issuer = issuer();
    for document in [
        issuer.credential_issuer_metadata(),
        issuer.authorization_server_metadata(),
        issuer.jwt_vc_issuer_metadata(),
    ] {
        for text in strings(&document)
            .into_iter()
            .filter(|text| text.starts_with("http"))
        {
            assert!(text.starts_with("https://issuer.example"), "{text}");
        }
    }
}
