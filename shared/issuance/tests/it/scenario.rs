//! One issuance, and what is done with it.

use contract::{CorrelationId, IssueStatus, StartIssue};
use issuance::Polled;
use issuance::ports::{PollMessage, Stored};

use crate::ports::Ports;

pub(crate) fn id() -> CorrelationId {
    "89cba89".parse().unwrap()
}

pub(crate) fn request(extra: &str) -> StartIssue {
    let body = format!(
        r#"{{"correlation_id": "89cba89", "template_id": "issue_iban", "claims": {{"iban": "NL12"}}{extra}}}"#
    );
    StartIssue::from_json(body.as_bytes()).unwrap()
}

pub(crate) async fn started() -> Ports {
    let ports = Ports::default();
    ports.starting().start_issue(request("")).await.unwrap();
    ports
}

pub(crate) async fn poll(ports: &Ports, attempt: u32, delivery: u32) -> Polled {
    let stored: Option<Stored> = ports.world().table.get(&id()).cloned();
    let message = PollMessage {
        correlation_id: id(),
        attempt,
    };
    ports
        .polling()
        .poll(&message, stored, delivery)
        .await
        .unwrap()
}

pub(crate) async fn status(ports: &Ports) -> Option<IssueStatus> {
    ports.querying().get_status(&id()).await.unwrap()
}
