//! One issuance, and what is done with it.

use bestow_contract::{CorrelationId, IssueStatus, StartIssue};
use bestow_issuance::Polled;
use bestow_issuance::ports::{PollMessage, Stored};

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

/// An issuance by a wallet that calls back.
pub(crate) async fn started_with_callbacks() -> Ports {
    let ports = Ports::default();
    ports.world().wallet_calls_back = true;
    ports.starting().start_issue(request("")).await.unwrap();
    ports
}

pub(crate) async fn poll(ports: &Ports, attempt: u32, delivery: u32) -> Polled {
    deal_with(ports, &PollMessage::scheduled(id(), attempt), delivery).await
}

/// The wallet has called back.
pub(crate) async fn poll_now(ports: &Ports) -> Polled {
    deal_with(ports, &PollMessage::poll_now(id()), 1).await
}

async fn deal_with(ports: &Ports, message: &PollMessage, delivery: u32) -> Polled {
    let stored: Option<Stored> = ports.world().table.get(&id()).cloned();
    let polled = ports.polling().poll(message, stored, delivery).await;
    polled.unwrap()
}

pub(crate) async fn status(ports: &Ports) -> Option<IssueStatus> {
    ports.querying().get_status(&id()).await.unwrap()
}
