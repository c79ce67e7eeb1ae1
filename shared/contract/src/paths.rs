//! The paths of the contract, and the URLs made of them.

use crate::{CorrelationId, EventType};

/// `POST`: Start issue.
pub const START_ISSUE: &str = "/api/v2/credential/issue";
/// `POST`: Start many issuances.
pub const START_BULK: &str = "/api/v2/credential/issue/batch";
/// `GET`: how far a job is.
pub const JOB_STATUS: &str = "/api/v2/jobs/{job_id}";
/// `GET`: what became of a job's lines.
pub const JOB_RESULTS: &str = "/api/v2/jobs/{job_id}/results";
/// `GET`: Get issue status.
pub const ISSUE_STATUS: &str = "/api/v2/issue/{correlation_id}";
/// `GET`: Get issue status, where one public client looks for it.
pub const ISSUE_STATUS_ALIAS: &str = "/api/v2/credential/issue/{correlation_id}";
/// `PUT` and `GET`: the status of an issued credential.
pub const CREDENTIAL_STATUS: &str = "/api/v2/credential/status/{revocation_uuid}";
/// `POST`: a wallet's callback, by which it says that something happened.
pub const WALLET_CALLBACK: &str = "/api/v2/wallet-callbacks/{token}";
/// `GET`: what was posted about an issuance.
pub const DELIVERIES: &str = "/api/v2/deliveries/{correlation_id}";
/// `POST`: send a delivery again.
pub const REPLAY_DELIVERY: &str = "/api/v2/deliveries/{id}/replay";
/// `GET`: the OpenAPI document of this contract.
pub const OPENAPI: &str = "/openapi.json";
/// `GET`: the JSON Schema of a type of events, as `{type}.schema.json`.
pub const EVENT_SCHEMA: &str = "/events/{schema}";

/// The address of Start issue below `base_url` (without a trailing slash).
pub fn start_issue_url(base_url: &str) -> String {
    format!("{base_url}{START_ISSUE}")
}

/// The absolute `status_uri` of an issuance below `base_url` (without a trailing slash), with the
/// correlation id as [`CorrelationId::path_segment`].
pub fn issue_status_url(base_url: &str, correlation_id: &CorrelationId) -> String {
    format!("{base_url}/api/v2/issue/{}", correlation_id.path_segment())
}

/// The address of the JSON Schema of a type of events below `base_url` (without a trailing slash).
pub fn event_schema_url(base_url: &str, event_type: EventType) -> String {
    format!("{base_url}/events/{event_type}.schema.json")
}

/// The type of events whose schema has this name in [`EVENT_SCHEMA`].
pub fn event_type_of_schema(name: &str) -> Option<EventType> {
    name.strip_suffix(".schema.json")?.parse().ok()
}

/// The absolute `status_uri` of a job below `base_url` (without a trailing slash).
pub fn job_status_url(base_url: &str, job_id: uuid::Uuid) -> String {
    format!("{base_url}/api/v2/jobs/{job_id}")
}

/// The absolute `results_uri` of a job below `base_url` (without a trailing slash).
pub fn job_results_url(base_url: &str, job_id: uuid::Uuid) -> String {
    format!("{base_url}/api/v2/jobs/{job_id}/results")
}

/// The address of a credential's status below `base_url` (without a trailing slash).
pub fn credential_status_url(base_url: &str, revocation_uuid: uuid::Uuid) -> String {
    format!("{base_url}/api/v2/credential/status/{revocation_uuid}")
}

/// The address below `base_url` (without a trailing slash) at which a wallet can call back about the
/// issuance that `token` stands for.
pub fn wallet_callback_url(base_url: &str, token: &str) -> String {
    format!("{base_url}/api/v2/wallet-callbacks/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_fill_the_templates() {
        let id: CorrelationId = "a b".parse().unwrap();
        assert_eq!(
            issue_status_url("https://issuer.example", &id),
            format!(
                "https://issuer.example{}",
                ISSUE_STATUS.replace("{correlation_id}", "a%20b")
            )
        );
        let uuid = uuid::Uuid::nil();
        assert_eq!(
            credential_status_url("", uuid),
            CREDENTIAL_STATUS.replace("{revocation_uuid}", &uuid.to_string())
        );
        assert_eq!(
            wallet_callback_url("", "AbC-_"),
            WALLET_CALLBACK.replace("{token}", "AbC-_")
        );
        assert_eq!(
            job_status_url("", uuid),
            JOB_STATUS.replace("{job_id}", &uuid.to_string())
        );
        assert_eq!(
            job_results_url("", uuid),
            JOB_RESULTS.replace("{job_id}", &uuid.to_string())
        );
    }
}
