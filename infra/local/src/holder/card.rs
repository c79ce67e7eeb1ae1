//! A credential for a human to read.

use std::fmt::{self, Write};
use std::path::PathBuf;

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

/// A verified credential for a human to read: its `Display` is some lines of text.
pub(crate) struct Card {
    name: String,
    issuer: String,
    trust: Trust,
    claims: Map<String, Value>,
    status: Option<Status>,
    path: PathBuf,
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            ("issued by", printable(&self.issuer)),
            ("trusted", self.trust_text().to_owned()),
            ("valid", self.validity()),
            ("status", self.status_text()),
            ("kept in", self.path.display().to_string()),
        ];
        let mut claims = Vec::new();
        for (name, value) in &self.claims {
            if !REGISTERED.contains(&name.as_str()) {
                flatten(name.clone(), value, &mut claims);
            }
        }
        let claims = claims.iter();
        let claims: Vec<(&str, String)> = claims
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        rows.retain(|(_, value)| !value.is_empty());
        let width = rows
            .iter()
            .chain(&claims)
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or_default();

        writeln!(f, "┌─ {}", printable(&self.name))?;
        write_rows(f, &claims, width)?;
        writeln!(f, "├─")?;
        write_rows(f, &rows, width)?;
        f.write_str("└─")
    }
}

impl Card {
    pub(super) fn new(kept: &Kept, verified: Verified, path: PathBuf) -> Self {
        Self {
            name: kept.name.clone(),
            issuer: kept.credential_issuer.clone(),
            trust: verified.trust,
            claims: verified.claims,
            status: verified.status,
            path,
        }
    }

    fn trust_text(&self) -> &'static str {
        match self.trust {
            Trust::LocalAuthority => {
                "yes: its certificates lead to the local certificate authority"
            }
            Trust::PublishedByIssuer => "as far as the issuer's address: it publishes the key",
        }
    }

    fn validity(&self) -> String {
        let date = |claim| {
            let seconds = self.claims.get(claim).and_then(Value::as_i64)?;
            let timestamp = Timestamp::from_second(seconds).ok()?;
            Some(timestamp.strftime("%Y-%m-%d").to_string())
        };
        let mut text = String::new();
        if let Some(from) = date("nbf").or_else(|| date("iat")) {
            let _ = write!(text, "from {from} ");
        }
        match date("exp") {
            Some(until) => text.push_str(&format!("until {until}")),
            None => text.push_str("without an end"),
        }
        text
    }

    fn status_text(&self) -> String {
        match self.status {
            None => "it has no status list: it cannot be revoked",
            Some(Status::Valid) => "valid, says the issuer's status list",
            Some(Status::Invalid) => "REVOKED, says the issuer's status list",
            Some(Status::Suspended) => "SUSPENDED, says the issuer's status list",
        }
        .to_owned()
    }
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[(&str, String)], width: usize) -> fmt::Result {
    for (label, value) in rows {
        writeln!(f, "│ {label:width$}  {value}")?;
    }
    Ok(())
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
        let card = Card {
            name: "Bank account".to_owned(),
            issuer: "https://issuer.example".to_owned(),
            trust: Trust::LocalAuthority,
            claims,
            status: Some(Status::Invalid),
            path: PathBuf::from(".local/wallet/1.json"),
        };
        let text = card.to_string();
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
