//! Reads a Token Request of the pre-authorized code flow (OpenID4VCI 1.0 §6.1).

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::Deserialize;

use crate::credential_offer::PRE_AUTHORIZED_CODE;
use crate::error::{ErrorCode, ProtocolError};
use crate::media_type;

/// A Token Request in which everything is there that must be.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    pub(crate) code: SecretString,
    pub(crate) tx_code: Option<SecretString>,
    /// The `credential_configuration_id`s of `authorization_details`; none if it was not sent.
    pub(crate) configuration_ids: Option<BTreeSet<String>>,
}

impl TokenRequest {
    /// Reads the form. Unknown parameters are ignored; parameters without a value count as absent
    /// (RFC 6749 §3.2).
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type` or `invalid_authorization_details`.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ProtocolError> {
        if !media_type::is(content_type, "application/x-www-form-urlencoded") {
            return Err(invalid_request(
                "send the request as application/x-www-form-urlencoded",
            ));
        }
        let mut parameters = read_form(body)?;
        match parameters.remove("grant_type").as_deref() {
            Some(PRE_AUTHORIZED_CODE) => {}
            Some(_) => {
                return Err(ProtocolError::new(
                    ErrorCode::UnsupportedGrantType,
                    format!("the only grant type here is {PRE_AUTHORIZED_CODE}"),
                ));
            }
            None => return Err(invalid_request("grant_type is missing")),
        }
        let code = parameters
            .remove("pre-authorized_code")
            .ok_or_else(|| invalid_request("pre-authorized_code is missing"))?;
        let configuration_ids = parameters
            .remove("authorization_details")
            .map(|details| read_authorization_details(&details))
            .transpose()?;
        Ok(Self {
            code: code.into(),
            tx_code: parameters.remove("tx_code").map(SecretString::from),
            configuration_ids,
        })
    }
}

fn read_form(body: &[u8]) -> Result<BTreeMap<String, String>, ProtocolError> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body)
        .map_err(|_| invalid_request("the form cannot be decoded as UTF-8"))?;
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs {
        if parameters.insert(name, value).is_some() {
            return Err(invalid_request("a parameter was sent twice"));
        }
    }
    parameters.retain(|_, value| !value.is_empty());
    Ok(parameters)
}

/// One of the `authorization_details` (OpenID4VCI 1.0 §5.1.1). Other members, such as `locations` and `claims`, do not
/// matter.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum AuthorizationDetail {
    OpenidCredential { credential_configuration_id: String },
}

fn read_authorization_details(details: &str) -> Result<BTreeSet<String>, ProtocolError> {
    let id = |detail| match detail {
        AuthorizationDetail::OpenidCredential {
            credential_configuration_id,
        } => credential_configuration_id,
    };
    bestow_jose::json::parse(details.as_bytes())
        .ok()
        .and_then(|details| serde_json::from_value::<Vec<_>>(details).ok())
        .filter(|details| !details.is_empty())
        .map(|details| details.into_iter().map(id).collect())
        .ok_or_else(|| {
            ProtocolError::new(
                ErrorCode::InvalidAuthorizationDetails,
                "authorization_details must be a JSON array of objects of the type openid_credential, each with a \
                 credential_configuration_id",
            )
        })
}

fn invalid_request(why: &str) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const GRANT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Apre-authorized_code";

    fn parse(body: &str) -> Result<TokenRequest, ErrorCode> {
        TokenRequest::parse(FORM, body.as_bytes()).map_err(|error| error.code())
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        // OpenID4VCI 1.0 §6.1.
        let request = parse(&format!(
            "{GRANT}&pre-authorized_code=SplxlOBeZQQYbYS6WxSbIA&tx_code=493536"
        ))
        .unwrap();
        assert_eq!(request.code.expose_secret(), "SplxlOBeZQQYbYS6WxSbIA");
        assert_eq!(request.tx_code.unwrap().expose_secret(), "493536");
        assert_eq!(request.configuration_ids, None);
    }

    #[test]
    fn unknown_and_empty_parameters_are_ignored() {
        let request = parse(&format!(
            "{GRANT}&pre-authorized_code=x&tx_code=&client_id=y&user_pin=1&foo=bar"
        ))
        .unwrap();
        assert!(request.tx_code.is_none());
    }

    #[test]
    fn n29_a_malformed_request_is_refused_with_its_code() {
        use ErrorCode::{InvalidAuthorizationDetails, InvalidRequest, UnsupportedGrantType};
        for (body, code) in [
            ("", InvalidRequest),
            ("pre-authorized_code=x", InvalidRequest),
            ("grant_type=&pre-authorized_code=x", InvalidRequest),
            ("grant_type=authorization_code&code=x", UnsupportedGrantType),
            ("grant_type=password", UnsupportedGrantType),
            (GRANT, InvalidRequest),
            (&format!("{GRANT}&pre-authorized_code="), InvalidRequest),
            (
                &format!("{GRANT}&pre-authorized_code=x&pre-authorized_code=y"),
                InvalidRequest,
            ),
            (
                &format!("{GRANT}&pre-authorized_code=x&tx_code=1&tx_code=1"),
                InvalidRequest,
            ),
            (
                &format!("{GRANT}&pre-authorized_code=x&authorization_details=%7B"),
                InvalidAuthorizationDetails,
            ),
            (
                &format!("{GRANT}&pre-authorized_code=x&authorization_details=%5B%5D"),
                InvalidAuthorizationDetails,
            ),
            (
                &format!(
                    "{GRANT}&pre-authorized_code=x&authorization_details=%5B%7B%22type%22%3A%22other%22%7D%5D"
                ),
                InvalidAuthorizationDetails,
            ),
            (
                &format!(
                    "{GRANT}&pre-authorized_code=x&authorization_details=%5B%7B%22type%22%3A%22openid_credential%22%7D%5D"
                ),
                InvalidAuthorizationDetails,
            ),
        ] {
            assert_eq!(parse(body).unwrap_err(), code, "{body}");
        }
    }

    #[test]
    fn n29_a_json_body_is_refused() {
        for content_type in [Some("application/json"), None] {
            let error = TokenRequest::parse(content_type, b"{}").unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn each_configuration_counts_once() {
        let details = r#"[{"type":"openid_credential","credential_configuration_id":"A","locations":["x"]},{"type":"openid_credential","credential_configuration_id":"A"}]"#;
        let form = serde_urlencoded::to_string([
            ("grant_type", PRE_AUTHORIZED_CODE),
            ("pre-authorized_code", "x"),
            ("authorization_details", details),
        ])
        .unwrap();
        assert_eq!(
            parse(&form).unwrap().configuration_ids,
            Some(BTreeSet::from(["A".to_owned()]))
        );
    }

    #[test]
    fn a_request_does_not_print_its_secrets() {
        let request = parse(&format!(
            "{GRANT}&pre-authorized_code=the-code&tx_code=493536"
        ));
        let printed = format!("{request:?}");
        assert!(!printed.contains("the-code") && !printed.contains("493536"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            let _ = TokenRequest::parse(FORM, &body);
        }
    }
}
