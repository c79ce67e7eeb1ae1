//! The JSON Schemas of the events, as they are published.

use super::EventType;

/// The JSON Schema (2020-12) of the events of this type, whole CloudEvents, as the text of a file.
pub const fn event_schema(event_type: EventType) -> &'static str {
    macro_rules! file {
        ($name:literal) => {
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/events/",
                $name,
                ".schema.json"
            ))
        };
    }
    match event_type {
        EventType::IssueCreated => file!("com.bestow.issue.created.v1"),
        EventType::IssueProgressed => file!("com.bestow.issue.progressed.v1"),
        EventType::IssueCompleted => file!("com.bestow.issue.completed.v1"),
        EventType::IssueFailed => file!("com.bestow.issue.failed.v1"),
        EventType::IssueExpired => file!("com.bestow.issue.expired.v1"),
        EventType::CredentialRevoked => file!("com.bestow.credential.revoked.v1"),
        EventType::CredentialSuspended => file!("com.bestow.credential.suspended.v1"),
        EventType::CredentialReinstated => file!("com.bestow.credential.reinstated.v1"),
    }
}
