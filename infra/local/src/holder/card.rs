//! A credential for a human to read.

use std::path::Path;

use bestow_status_list::Status;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fetch::printable;
use super::keep::Kept;
use super::verify::{Trust, Verified};

/// Claims that say something about the credential, not about its subject (SD-JWT VC §3.2.2).
const REGISTERED: [&str; 9] = [
    "iss",
    "iat",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
    "sub",
];

/// A verified credential, which is in the file at `path`, as some lines of text.
pub(super) fn text(kept: &Kept, verified: &Verified, path: &Path) -> String {
    let mut claims = Vec::new();
    for (name, value) in &verified.claims {
        if !REGISTERED.contains(&name.as_str()) {
            flatten(name.clone(), value, &mut claims);
        }
    }
    let trust = match verified.trust {
        Trust::LocalAuthority => "yes: its certificates lead to the local certificate authority",
        Trust::PublishedByIssuer => "as far as the issuer's address: it publishes the key",
    };
    let status = match verified.status {
        None => "it has no status list: it cannot be revoked",
        Some(Status::Valid) => "valid, says the issuer's status list",
        Some(Status::Invalid) => "REVOKED, says the issuer's status list",
        Some(Status::Suspended) => "SUSPENDED, says the issuer's status list",
    };
    let rows = [
        ("issued by", printable(&kept.credential_issuer)),
        ("trusted", trust.to_owned()),
        ("valid", validity(&verified.claims)),
        ("status", status.to_owned()),
        ("kept in", path.display().to_string()),
    ]
    .map(|(label, value)| (label.to_owned(), value));
    let labels = claims.iter().chain(&rows).map(|(label, _)| label);
    let width = labels.map(|label| label.chars().count()).max();
    let width = width.unwrap_or_default();
    let lines = |rows: &[(String, String)]| -> String {
        let lines = rows.iter();
        lines
            .map(|(label, value)| format!("│ {label:width$}  {value}\n"))
            .collect()
    };
    let name = printable(&kept.name);
    format!("┌─ {name}\n{}├─\n{}└─", lines(&claims), lines(&rows))
}

fn validity(claims: &Map<String, Value>) -> String {
    let date = |claim| {
        let seconds = claims.get(claim).and_then(Value::as_i64)?;
        let timestamp = Timestamp::from_second(seconds).ok()?;
        Some(timestamp.strftime("%Y-%m-%d").to_string())
    };
    let from = date("nbf").or_else(|| date("iat"));
    let from = from.map(|from| format!("from {from} ")).unwrap_or_default();
    match date("exp") {
        Some(until) => format!("{from}until {until}"),
        None => format!("{from}without an end"),
    }
}

/// One row for each scalar: `address.street`, `nationalities[0]`.
fn flatten(path: String, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                flatten(format!("{path}.{name}"), value, rows);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                flatten(format!("{path}[{index}]"), value, rows);
            }
        }
        Value::String(text) => rows.push((printable(&path), printable(text))),
        other => rows.push((printable(&path), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_card_shows_claims_validity_and_status_and_nothing_that_steers_the_terminal() {
        let Value::Object(claims) = json!({
            "iss": "https://issuer.example",
            "iat": 1_795_392_000,
            "exp": 1_826_928_000,
            "cnf": {"jwk": {}},
            "iban": "NL12TUL25708789078",
            "address": {"street": "Main \u{1b}[31mStreet", "numbers": [1, 2]},
        }) else {
            panic!("claims are an object");
        };
        let kept = Kept {
            name: "Bank account".to_owned(),
            credential_configuration_id: "bank-account".to_owned(),
            credential_issuer: "https://issuer.example".to_owned(),
            received_at_seconds: 1_795_392_000,
            credential: String::new(),
        };
        let verified = Verified {
            claims,
            trust: Trust::LocalAuthority,
            status: Some(Status::Invalid),
        };
        let text = text(&kept, &verified, Path::new(".local/wallet/1.json"));
        for line in [
            "│ address.numbers[0]  1",
            "│ address.street      Main \u{fffd}[31mStreet",
            "│ iban                NL12TUL25708789078",
            "│ valid               from 2026-11-23 until 2027-11-23",
            "│ status              REVOKED, says the issuer's status list",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("jwk") && !text.contains('\u{1b}'), "{text}");
    }
}
