//! [`KmsKey`] against a KMS of a few lines that holds one key.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bestow_aws::sdk::Sdk;
use bestow_bundled_wallet::{KmsKey, KmsKeyError};
use bestow_embedded_aws::{env, listener};
use bestow_signing::{LocalKey, SignError, Signer as _};
use serde_json::{Value, json};

const ALIAS: &str = "alias/bestow-signing";
const KEY_ID: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A KMS with one key. What a test sets it answers instead of what is in order.
#[derive(Clone)]
struct Kms {
    key: LocalKey,
    public_key: Vec<u8>,
    usage: &'static str,
    to_get_public_key: Option<ErrorBody>,
    to_sign: Option<ErrorBody>,
    signature: Option<Vec<u8>>,
}

/// A status, and the body.
type ErrorBody = (StatusCode, Value);

impl Kms {
    fn new() -> Self {
        let key = LocalKey::generate().unwrap();
        Self {
            public_key: spki(&asn1_pair(&key)),
            key,
            usage: "SIGN_VERIFY",
            to_get_public_key: None,
            to_sign: None,
            signature: None,
        }
    }

    async fn load(self) -> Result<KmsKey, KmsKeyError> {
        let (listener, endpoint) = listener().await;
        let routes = Router::new().route("/", post(answer)).with_state(self);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_KMS", &endpoint)).unwrap();
        KmsKey::load(&sdk, ALIAS).await
    }

    fn get_public_key(&self, request: &Value) -> Result<Value, ErrorBody> {
        assert_eq!(request["KeyId"], ALIAS);
        match &self.to_get_public_key {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(json!({
                "KeyId": KEY_ID,
                "KeyUsage": self.usage,
                "PublicKey": STANDARD.encode(&self.public_key),
            })),
        }
    }

    fn sign(&self, request: &Value) -> Result<Value, ErrorBody> {
        if let Some(refusal) = &self.to_sign {
            return Err(refusal.clone());
        }
        assert_eq!(request["KeyId"], KEY_ID, "an alias can have moved");
        assert_eq!(request["MessageType"], "DIGEST");
        assert_eq!(request["SigningAlgorithm"], "ECDSA_SHA_256");
        let digest = STANDARD
            .decode(request["Message"].as_str().unwrap())
            .unwrap();
        let signature = match &self.signature {
            Some(signature) => signature.clone(),
            None => self.sign_digest(&digest),
        };
        Ok(json!({"KeyId": KEY_ID, "Signature": STANDARD.encode(signature)}))
    }

    fn sign_digest(&self, digest: &[u8]) -> Vec<u8> {
        let digest = Digest::import_less_safe(digest, &SHA256).unwrap();
        let signature = asn1_pair(&self.key).sign_digest(&digest).unwrap();
        signature.as_ref().to_vec()
    }
}

/// The key as KMS uses it: its signatures are DER.
fn asn1_pair(key: &LocalKey) -> EcdsaKeyPair {
    let key = rcgen::KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.serialized_der()).unwrap()
}

/// The public key as KMS gives it: a DER `SubjectPublicKeyInfo`.
fn spki(pair: &EcdsaKeyPair) -> Vec<u8> {
    pair.public_key().as_der().unwrap().as_ref().to_vec()
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html> and `API_Sign.html`,
/// in the protocol AWS JSON 1.1.
async fn answer(
    State(kms): State<Kms>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let request: Value = serde_json::from_str(&body).unwrap();
    let answer = match headers["x-amz-target"].to_str().unwrap() {
        "TrentService.GetPublicKey" => kms.get_public_key(&request),
        "TrentService.Sign" => kms.sign(&request),
        other => panic!("{other} is not called"),
    };
    answer
        .map(Json)
        .map_err(|(status, body)| (status, Json(body)))
}

fn access_denied(action: &str) -> ErrorBody {
    let message = format!(
        "User: arn:aws:sts::111122223333:assumed-role/wallet/wallet is not authorized to perform: {action}"
    );
    let body = json!({"__type": "AccessDeniedException", "message": message});
    (StatusCode::BAD_REQUEST, body)
}

#[tokio::test]
async fn what_kms_signs_verifies_with_the_public_key_that_it_gave() {
    let kms = Kms::new();
    let public_jwk = kms.key.public_jwk().clone();
    let key = kms.load().await.unwrap();
    assert_eq!(key.public_jwk(), &public_jwk);
    // Longer than the 4,096 bytes that KMS takes; and often enough for numbers of every length in DER.
    for length in (0..=8_192).step_by(256) {
        let message = vec![b'x'; length];
        let signature = key.sign(&message).await.unwrap();
        assert!(public_jwk.verifies(&message, &signature), "{length} bytes");
        assert!(!public_jwk.verifies(b"another", &signature));
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_when_it_is_loaded() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let other_curve = Kms {
        public_key: spki(&p384),
        ..Kms::new()
    };
    let fault = other_curve.load().await.unwrap_err();
    assert!(fault.to_string().contains("ECC_NIST_P256"), "{fault}");

    let key_agreement = Kms {
        usage: "KEY_AGREEMENT",
        ..Kms::new()
    };
    let fault = key_agreement.load().await.unwrap_err();
    assert!(fault.to_string().contains("SIGN_VERIFY"), "{fault}");
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_not_by_its_message() {
    let unreadable = Kms {
        to_get_public_key: Some(access_denied("kms:GetPublicKey")),
        ..Kms::new()
    };
    let fault = unreadable.load().await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "its public key could not be read: an AWS call failed: AccessDeniedException"
    );

    let key = Kms {
        to_sign: Some(access_denied("kms:Sign")),
        ..Kms::new()
    };
    let fault = key
        .load()
        .await
        .unwrap()
        .sign(b"message")
        .await
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the key service did not sign: an AWS call failed: AccessDeniedException"
    );
}

#[tokio::test]
async fn a_malformed_signature_is_not_passed_on() {
    let raw_instead_of_der = vec![7; 64];
    for signature in [vec![], raw_instead_of_der] {
        let kms = Kms {
            signature: Some(signature),
            ..Kms::new()
        };
        let signed = kms.load().await.unwrap().sign(b"message").await;
        assert!(matches!(signed, Err(SignError::Encoding(_))));
    }
}
