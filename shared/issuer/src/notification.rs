//! What a wallet reports of a credential that it was given (OpenID4VCI 1.0 §11).

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access_token::AccessToken;
use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::offer::{OfferId, OfferState, WalletReport};
use crate::seal::Sealed;
use crate::transition::{Step, Transition, Written};

/// The content of a `notification_id`.
#[derive(Serialize, Deserialize)]
struct NotificationId {
    #[serde(rename = "o")]
    offer_id: OfferId,
    #[serde(rename = "c", with = "second::required")]
    created_at: Timestamp,
}

impl Sealed for NotificationId {
    const PURPOSE: &'static str = "notification id";
}

impl Issuer {
    /// The `notification_id` of an offer's credential, always the same.
    pub(crate) fn notification_id(&self, token: &AccessToken) -> Result<String, ProtocolError> {
        Ok(self.offers.keys.seal(&NotificationId {
            offer_id: token.offer_id.clone(),
            created_at: token.created_at,
        })?)
    }

    /// Reads a Notification Request and says what to write. Unknown members are ignored, and
    /// `event_description` is not kept: it may say anything about the user.
    ///
    /// # Errors
    /// `invalid_notification_request` for a malformed body, `invalid_notification_id` for an id that
    /// is not of this token's credential.
    pub fn notification(
        &self,
        token: &AccessToken,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Transition, ProtocolError> {
        let invalid = |why| ProtocolError::new(ErrorCode::InvalidNotificationRequest, why);
        let members = bestow_jose::json::parse_object(body)
            .map_err(|_| invalid("the body must be a JSON object without repeated members"))?;
        let text = |name| members.get(name).and_then(Value::as_str);
        let report = match text("event") {
            Some("credential_accepted") => WalletReport::Accepted,
            Some("credential_failure") => WalletReport::Declined,
            Some("credential_deleted") => WalletReport::Deleted,
            Some(_) => {
                return Err(invalid(
                    "event must be credential_accepted, credential_failure or credential_deleted",
                ));
            }
            None => return Err(invalid("event is missing or not a string")),
        };
        let id = text("notification_id")
            .ok_or_else(|| invalid("notification_id is missing or not a string"))?;
        let id: NotificationId = self.offers.keys.open(id).map_err(|_| unknown_id())?;
        if id.offer_id != token.offer_id || id.created_at != token.created_at {
            return Err(unknown_id());
        }
        let token_id = token.token_id.clone();
        let step = Step::RecordReport { token_id, report };
        Ok(Transition::of(token, now, step))
    }
}

impl AccessToken {
    /// The answer, now that `written` is the outcome of [`Issuer::notification`]: nothing (204), also if the report
    /// was known or came too late to matter (§11.1: a repeat succeeds).
    ///
    /// # Errors
    /// `invalid_notification_id` if the token's credential was never issued.
    pub fn conclude_notification(&self, written: &Written) -> Result<(), ProtocolError> {
        match written.offer().map(|offer| &offer.state) {
            Some(OfferState::CredentialIssued(issued))
                if issued.token.token_id == self.token_id =>
            {
                Ok(())
            }
            _ => Err(unknown_id()),
        }
    }
}

fn unknown_id() -> ProtocolError {
    ProtocolError::new(
        ErrorCode::InvalidNotificationId,
        "the notification_id is not that of a credential of this access token",
    )
}
