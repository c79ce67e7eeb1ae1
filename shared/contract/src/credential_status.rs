//! The status of an issued credential. `[ours]`: no wallet vendor documents an operation for it.

use crate::{Problem, fields::Fields};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use strum::{Display, EnumString, IntoStaticStr};
use uuid::Uuid;

/// The status of an issued credential (Token Status List §7.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CredentialStatus {
    /// It can be relied upon. Each credential starts so.
    Valid,
    /// It cannot be relied upon for now.
    Suspended,
    /// It can never be relied upon again.
    Revoked,
}

impl CredentialStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The body of `PUT` credential status.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialStatusChange {
    /// The new status. A credential that is revoked stays so.
    pub status: CredentialStatus,
    /// Why, for the issuer's own record: printable text of up to 500 bytes. It is not published.
    pub reason: Option<String>,
}

impl CredentialStatusChange {
    /// The longest body that is taken, in bytes.
    pub const MAX_BODY_BYTES: usize = 4 * 1024;
    /// The longest reason, in bytes.
    pub const MAX_REASON_BYTES: usize = 500;

    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 with each fault of the body.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        const WANTED: &str = "give \"valid\", \"suspended\" or \"revoked\"";
        let mut faults = Vec::new();
        let mut fields = Fields::of_body(body, &mut faults)?;
        let status = fields.required("status", WANTED, |fields| fields.name("status", WANTED));
        let reason = fields.short_text("reason", Self::MAX_REASON_BYTES);
        match status {
            Some(status) if faults.is_empty() => Ok(Self { status, reason }),
            _ => Err(Problem::invalid_body(faults)),
        }
    }
}

/// Where a credential's status is published (Token Status List §6, `status_list`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListEntry {
    /// The URI of the Status List Token.
    pub uri: String,
    /// The credential's index in the list.
    pub idx: u64,
}

/// The answer of `PUT` and `GET` credential status.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialStatusAnswer {
    /// The credential, as named by Start issue and Get issue status.
    pub revocation_uuid: Uuid,
    /// The status that was last set.
    pub status: CredentialStatus,
    /// The status in the list that anyone can fetch now.
    pub published_status: CredentialStatus,
    /// Since when the list says so, in Unix seconds; absent if nothing was ever changed.
    pub published_at: Option<u64>,
    /// The list and the credential's index in it.
    pub status_list: StatusListEntry,
}

impl CredentialStatusAnswer {
    /// Whether the published list shows the status that was set. The answer to `PUT` is 200 if it
    /// does, otherwise 202.
    pub fn is_published(&self) -> bool {
        self.status == self.published_status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldError;
    use serde_json::json;

    #[test]
    fn a_change_is_read_with_and_without_a_reason() {
        for (body, reason) in [
            (r#"{"status": "revoked", "reason": "lost"}"#, Some("lost")),
            (r#"{"status": "revoked", "reason": null, "by": 1}"#, None),
        ] {
            let change = CredentialStatusChange::from_json(body.as_bytes()).unwrap();
            assert_eq!(change.status, CredentialStatus::Revoked);
            assert_eq!(change.reason.as_deref(), reason);
        }
    }

    #[test]
    fn every_fault_of_a_change_is_told() {
        let body = json!({"status": "gone", "reason": "r".repeat(501)}).to_string();
        let problem = CredentialStatusChange::from_json(body.as_bytes()).unwrap_err();
        assert_eq!(
            problem.errors,
            [
                FieldError::new(
                    "/status",
                    "is not known: give \"valid\", \"suspended\" or \"revoked\""
                ),
                FieldError::new(
                    "/reason",
                    "is 501 bytes long: at most 500 bytes are allowed"
                ),
            ]
        );
        let problem = CredentialStatusChange::from_json(b"{}").unwrap_err();
        assert_eq!(problem.errors[0].pointer, "/status");
    }

    #[test]
    fn an_answer_names_the_list() {
        let answer = CredentialStatusAnswer {
            revocation_uuid: Uuid::nil(),
            status: CredentialStatus::Revoked,
            published_status: CredentialStatus::Valid,
            published_at: None,
            status_list: StatusListEntry {
                uri: "https://issuer.example/wallet/status-lists/1".to_owned(),
                idx: 412,
            },
        };
        assert!(!answer.is_published());
        let sent = serde_json::to_value(&answer).unwrap();
        assert_eq!(
            sent,
            json!({
                "revocation_uuid": "00000000-0000-0000-0000-000000000000",
                "status": "revoked",
                "published_status": "valid",
                "status_list": {"uri": "https://issuer.example/wallet/status-lists/1", "idx": 412},
            })
        );
        assert_eq!(
            serde_json::from_value::<CredentialStatusAnswer>(sent).unwrap(),
            answer
        );
    }
}
