//! Reads a Credential Request (OpenID4VCI 1.0 §8.2), of this version or of drafts 13 to 15.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{ErrorCode, ProtocolError};
use crate::media_type;

/// A Credential Request whose members have the right form.
#[derive(PartialEq, Eq)]
pub struct CredentialRequest {
    pub(crate) selector: Selector,
    /// The key proof, or what is wrong with it: told only after the selector was found to be in order.
    pub(crate) proof: Result<String, ProtocolError>,
    pub(crate) shape: Shape,
    pub(crate) wants_encryption: bool,
}

/// Which credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// `credential_configuration_id`.
    Configuration(String),
    /// `credential_identifier`.
    Identifier(String),
    /// `format` and `vct`, drafts 13 and 14.
    Format { format: String, vct: Option<String> },
}

/// Whose language the request speaks. The answer speaks the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `proofs`: 1.0, and those drafts that know it.
    Proofs,
    /// A single `proof`: drafts 13 to 15, which expect the credential in different members.
    Proof,
    /// `format`: drafts 13 and 14, with their own error codes.
    Format,
}

impl CredentialRequest {
    /// Reads the body. Members that are not understood are ignored; members that are null count as
    /// absent, because many serialisers write what is absent so.
    ///
    /// # Errors
    /// `invalid_credential_request`; `invalid_encryption_parameters` for an encrypted request.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ProtocolError> {
        if media_type::is(content_type, "application/jwt") {
            return Err(ProtocolError::new(
                ErrorCode::InvalidEncryptionParameters,
                "encrypted requests are not supported",
            ));
        }
        if !media_type::is(content_type, "application/json") {
            return Err(invalid_request("send the request as application/json"));
        }
        let mut members = bestow_jose::json::parse_object(body).map_err(|_| {
            invalid_request("the body must be a JSON object without repeated members")
        })?;
        members.retain(|_, value| !value.is_null());
        let selector = read_selector(&members)?;
        let shape = match (&selector, members.contains_key("proof")) {
            (Selector::Format { .. }, _) => Shape::Format,
            (_, true) => Shape::Proof,
            (_, false) => Shape::Proofs,
        };
        Ok(Self {
            selector,
            proof: read_proof(&members),
            shape,
            wants_encryption: members.contains_key("credential_response_encryption"),
        })
    }
}

/// Exactly one of the two selectors of 1.0. `format` counts only if there is neither: to 1.0 it is a
/// member like any other that it does not know.
fn read_selector(members: &Map<String, Value>) -> Result<Selector, ProtocolError> {
    let text = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(_) => Err(invalid_request(format_args!("{name} must be a string"))),
    };
    match (
        text("credential_configuration_id")?,
        text("credential_identifier")?,
    ) {
        (Some(id), None) => Ok(Selector::Configuration(id)),
        (None, Some(identifier)) => Ok(Selector::Identifier(identifier)),
        (Some(_), Some(_)) => Err(invalid_request(
            "send credential_configuration_id or credential_identifier, not both",
        )),
        (None, None) => match text("format")? {
            Some(format) => Ok(Selector::Format {
                format,
                vct: text("vct")?,
            }),
            None => Err(invalid_request(
                "credential_configuration_id or credential_identifier is missing",
            )),
        },
    }
}

fn read_proof(members: &Map<String, Value>) -> Result<String, ProtocolError> {
    match (members.get("proof"), members.get("proofs")) {
        (None, None) => Err(no_proof()),
        (Some(_), Some(_)) => Err(invalid_request("send proofs or proof, not both")),
        (Some(proof), None) => read_single_proof(as_object(proof)?),
        (None, Some(proofs)) => read_proofs(as_object(proofs)?),
    }
}

/// `{"proof_type": "jwt", "jwt": "…"}`.
fn read_single_proof(proof: &Map<String, Value>) -> Result<String, ProtocolError> {
    check_type(proof.get("proof_type").and_then(Value::as_str))?;
    as_jwt(proof.get("jwt"))
}

/// `{"jwt": ["…"]}`.
fn read_proofs(proofs: &Map<String, Value>) -> Result<String, ProtocolError> {
    let mut types = proofs.iter().filter(|(_, proofs)| !proofs.is_null());
    let (Some((name, proofs)), None) = (types.next(), types.next()) else {
        return Err(invalid_proof("proofs must have exactly one member, jwt"));
    };
    check_type(Some(name))?;
    let proofs = proofs
        .as_array()
        .ok_or_else(|| invalid_proof("proofs.jwt must be an array"))?;
    match proofs.as_slice() {
        [] => Err(no_proof()),
        // `batch_credential_issuance` is not offered.
        [_, _, ..] => Err(invalid_request(
            "send one proof: several credentials in one request are not offered",
        )),
        [proof] => as_jwt(Some(proof)),
    }
}

fn as_object(proofs: &Value) -> Result<&Map<String, Value>, ProtocolError> {
    proofs
        .as_object()
        .ok_or_else(|| invalid_proof("the proofs must be an object"))
}

fn check_type(proof_type: Option<&str>) -> Result<(), ProtocolError> {
    if proof_type == Some("jwt") {
        Ok(())
    } else {
        Err(invalid_proof("the only proof type here is jwt"))
    }
}

fn as_jwt(proof: Option<&Value>) -> Result<String, ProtocolError> {
    proof
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| invalid_proof("a jwt proof must be a string"))
}

fn no_proof() -> ProtocolError {
    invalid_proof("a key proof is needed: send proofs with one jwt")
}

fn invalid_proof(why: &str) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidProof, why)
}

fn invalid_request(why: impl fmt::Display) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidCredentialRequest, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: Option<&str> = Some("application/json");

    fn parse(body: &str) -> Result<CredentialRequest, ErrorCode> {
        CredentialRequest::parse(JSON, body.as_bytes()).map_err(|error| error.code())
    }

    #[test]
    fn each_shape_is_recognised() {
        for (body, selector, shape) in [
            (
                // OpenID4VCI 1.0 §8.2.
                r#"{"credential_configuration_id":"A","proofs":{"jwt":["j"]}}"#,
                Selector::Configuration("A".into()),
                Shape::Proofs,
            ),
            (
                r#"{"credential_identifier":"A","proofs":{"jwt":["j"]},"unknown":1}"#,
                Selector::Identifier("A".into()),
                Shape::Proofs,
            ),
            (
                // Draft 15.
                r#"{"credential_configuration_id":"A","format":"x","proof":{"proof_type":"jwt","jwt":"j"}}"#,
                Selector::Configuration("A".into()),
                Shape::Proof,
            ),
            (
                // Draft 13 §7.2.
                r#"{"format":"vc+sd-jwt","vct":"A","proof":{"proof_type":"jwt","jwt":"j"}}"#,
                Selector::Format {
                    format: "vc+sd-jwt".into(),
                    vct: Some("A".into()),
                },
                Shape::Format,
            ),
        ] {
            let Ok(request) = parse(body) else {
                panic!("{body}");
            };
            assert_eq!(request.selector, selector);
            assert_eq!(request.shape, shape);
            assert_eq!(request.proof, Ok("j".to_owned()));
        }
    }

    #[test]
    fn what_is_null_counts_as_absent() {
        for (with_nulls, without) in [
            (
                r#"{"credential_configuration_id":"A","credential_identifier":null,"format":null,
                    "proof":null,"proofs":{"jwt":["j"],"attestation":null},
                    "credential_response_encryption":null}"#,
                r#"{"credential_configuration_id":"A","proofs":{"jwt":["j"]}}"#,
            ),
            (
                r#"{"credential_configuration_id":null,"format":"vc+sd-jwt","vct":"A","proofs":null,
                    "proof":{"proof_type":"jwt","jwt":"j","cwt":null}}"#,
                r#"{"format":"vc+sd-jwt","vct":"A","proof":{"proof_type":"jwt","jwt":"j"}}"#,
            ),
            (
                r#"{"credential_identifier":"A","proofs":{"jwt":null}}"#,
                r#"{"credential_identifier":"A","proofs":{}}"#,
            ),
        ] {
            assert!(parse(with_nulls) == parse(without), "{with_nulls}");
        }
        assert_eq!(
            parse(r#"{"credential_configuration_id":null,"proofs":{"jwt":["j"]}}"#).err(),
            Some(ErrorCode::InvalidCredentialRequest)
        );
    }

    #[test]
    fn n17_a_malformed_request_is_refused() {
        for body in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"proofs":{"jwt":["j"]}}"#,
            r#"{"credential_configuration_id":"A","credential_identifier":"A"}"#,
            r#"{"credential_configuration_id":"A","credential_configuration_id":"A"}"#,
            r#"{"credential_configuration_id":7}"#,
        ] {
            assert_eq!(
                parse(body).err(),
                Some(ErrorCode::InvalidCredentialRequest),
                "{body}"
            );
        }
    }

    #[test]
    fn n40_another_content_type_is_refused() {
        for (content_type, code) in [
            (None, ErrorCode::InvalidCredentialRequest),
            (Some("text/plain"), ErrorCode::InvalidCredentialRequest),
            (
                Some("application/jwt"),
                ErrorCode::InvalidEncryptionParameters,
            ),
        ] {
            let error = CredentialRequest::parse(content_type, b"{}").err();
            assert_eq!(error.map(|error| error.code()), Some(code));
        }
    }

    #[test]
    fn n4_n10_n11_proofs_of_the_wrong_form_are_told_apart() {
        use ErrorCode::{InvalidCredentialRequest, InvalidProof};
        for (members, code) in [
            ("", InvalidProof),
            (r#","proofs":{}"#, InvalidProof),
            (r#","proofs":[]"#, InvalidProof),
            (r#","proofs":{"jwt":[]}"#, InvalidProof),
            (r#","proofs":{"jwt":"j"}"#, InvalidProof),
            (r#","proofs":{"jwt":[7]}"#, InvalidProof),
            (r#","proofs":{"di_vp":[{}]}"#, InvalidProof),
            (
                r#","proofs":{"jwt":["j"],"attestation":["a"]}"#,
                InvalidProof,
            ),
            (r#","proof":"j""#, InvalidProof),
            (r#","proof":{"proof_type":"cwt","cwt":"j"}"#, InvalidProof),
            (r#","proof":{"proof_type":"jwt"}"#, InvalidProof),
            (r#","proofs":{"jwt":["j","k"]}"#, InvalidCredentialRequest),
            (
                r#","proofs":{"jwt":["j"]},"proof":{"proof_type":"jwt","jwt":"j"}"#,
                InvalidCredentialRequest,
            ),
        ] {
            let body = format!(r#"{{"credential_configuration_id":"A"{members}}}"#);
            let Ok(request) = parse(&body) else {
                panic!("{body}");
            };
            assert_eq!(request.proof.unwrap_err().code(), code, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            let _ = CredentialRequest::parse(JSON, &body);
        }
    }
}
