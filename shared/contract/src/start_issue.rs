use crate::{
    Callback, CorrelationId, FieldError, Problem, QrCode, RequestUriBase, TxCode,
    fields::{Fields, kind_of},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;
use std::fmt;
use url::Url;
use uuid::Uuid;

/// The body of Start issue.
///
/// [`StartIssue::from_json`] reads what backends send; serialized, it is what a wallet is sent.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartIssue {
    /// The name of the issuance and its idempotency key. One is made if it is absent.
    // [ours]: that it is the idempotency key.
    pub correlation_id: Option<CorrelationId>,
    /// The key of the credential issue template.
    pub template_id: String,
    /// What the credential shall say.
    pub claims: Claims,
    /// The customer's web wallet or wallet app, if it is known.
    pub request_uri_base: Option<RequestUriBase>,
    /// The look of the QR code, if one is wanted; `{}` means the defaults.
    pub qr_code: Option<QrCode>,
    /// Where changes shall be posted: each one as the answer of Get issue status, signed, at least
    /// once.
    pub callback: Option<Callback>,
    /// The look of the transaction code, if one is wanted.
    // [ours]
    pub tx_code: Option<TxCode>,
}

/// The claims of a credential: a JSON object of any form, which the template's JSON Schema judges.
///
/// They are personal data, so `Debug` shows how many there are and nothing else.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// The members of the object.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl From<Claims> for Map<String, Value> {
    fn from(claims: Claims) -> Self {
        claims.0
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({} members)", self.0.len())
    }
}

impl StartIssue {
    /// The longest body that a server takes, in bytes; beyond it the answer is 413.
    pub const MAX_BODY_BYTES: usize = 256 * 1024;
    /// The longest `template_id`, in bytes.
    pub const MAX_TEMPLATE_ID_BYTES: usize = 128;

    /// Reads the body of a request leniently: unknown members are ignored, `null` and `""` count as
    /// absent, numbers may be strings.
    ///
    /// # Errors
    /// 400 with each fault of the body as `errors`. No value of the body is repeated.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        Self::from_json_with(body, |_| Ok(()), |_| Ok(())).map(|(start, _)| start)
    }

    /// Like [`StartIssue::from_json`], with checks that this crate cannot make. `prepare` reads the
    /// options of a `qr_code` that has no faults of its own, and what it makes is returned.
    /// `check_callback` says what is wrong with the URL of a callback and what would be right.
    ///
    /// # Errors
    /// 400 with each fault of the body, of `prepare` and of `check_callback` as `errors`.
    pub fn from_json_with<T>(
        body: &[u8],
        prepare: impl FnOnce(&QrCode) -> Result<T, Vec<FieldError>>,
        check_callback: impl FnOnce(&Url) -> Result<(), String>,
    ) -> Result<(Self, Option<T>), Problem> {
        let mut faults = Vec::new();
        let mut fields = Fields::of_body(body, &mut faults)?;

        let correlation_id = fields.parsed("correlation_id");
        let template_id = fields.required(
            "template_id",
            "give the key of a credential issue template",
            |fields| fields.short_text("template_id", Self::MAX_TEMPLATE_ID_BYTES),
        );
        let claims = read_claims(&mut fields);
        let request_uri_base = fields.parsed("request_uri_base");
        let faults_before_qr_code = fields.fault_count();
        let qr_code = fields.object("qr_code").map(QrCode::read);
        let prepared = match &qr_code {
            Some(options) if fields.fault_count() == faults_before_qr_code => prepare(options)
                .map_err(|faults| fields.add_faults(faults))
                .ok(),
            _ => None,
        };
        let callback = fields
            .object("callback")
            .and_then(|fields| Callback::read(fields, check_callback));
        let tx_code = fields.object("tx_code").map(TxCode::read);

        match (template_id, claims) {
            (Some(template_id), Some(claims)) if faults.is_empty() => {
                let start = Self {
                    correlation_id,
                    template_id,
                    claims,
                    request_uri_base,
                    qr_code,
                    callback,
                    tx_code,
                };
                Ok((start, prepared))
            }
            _ => Err(Problem::invalid_body(faults)),
        }
    }

    /// The request in a normal form, whose hash tells a repeat from another request: members are
    /// sorted, lenient spellings resolved, unknown members gone. So are `correlation_id` and `qr_code`,
    /// which do not change what is issued.
    pub fn canonical_json(&self) -> Vec<u8> {
        let essence = Self {
            correlation_id: None,
            qr_code: None,
            ..self.clone()
        };
        let mut value = serde_json::to_value(essence).unwrap_or_default();
        value.sort_all_objects();
        value.to_string().into_bytes()
    }
}

fn read_claims(fields: &mut Fields<'_>) -> Option<Claims> {
    const WANTED: &str = "give an object, such as {\"iban\": …}";
    fields.required("claims", WANTED, |fields| match fields.take("claims")? {
        Value::Object(members) => Some(Claims(members)),
        other => fields.refuse("claims", format!("is {}: {WANTED}", kind_of(&other))),
    })
}

/// The answer of Start issue.
///
/// Other wallets than Bestow's send only the first four members.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartIssueAnswer {
    /// The name of the issuance: the caller's, or a UUID that was made for it.
    pub correlation_id: CorrelationId,
    /// Hands the offer to the customer's wallet: a link, or the text of a QR code.
    pub request_uri: String,
    /// Where Get issue status answers to the caller's own credentials, absolute.
    // An external wallet's is not used, so it need not be there.
    #[serde(default)]
    pub status_uri: String,
    /// The QR code of `request_uri`, a PNG as a data URI; only if `qr_code` was sent.
    pub qr_uri: Option<String>,
    /// The transaction code, for the backend to hand to the customer; only if `tx_code` was sent.
    // [ours]
    pub tx_code: Option<String>,
    /// Names the credential for a later change of its status; only if the template has a status list.
    // [ours]: by contract it is in Get issue status.
    #[serde(default, deserialize_with = "crate::issue_status::uuid_if_filled")]
    pub revocation_uuid: Option<Uuid>,
    /// When the offer runs out, in Unix seconds; only if the wallet says so.
    // [ours]: Bestow's own wallet says so, others may not.
    #[serde(default, deserialize_with = "crate::issue_status::if_fits")]
    pub expires_at: Option<u64>,
}

impl fmt::Debug for StartIssueAnswer {
    /// Whoever knows the `request_uri` and the `tx_code` can take the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartIssueAnswer")
            .field("correlation_id", &self.correlation_id)
            .field("revocation_uuid", &self.revocation_uuid)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
