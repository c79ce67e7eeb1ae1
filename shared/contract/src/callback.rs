//! Callbacks. That their body is the answer of Get issue status is `[d]`.

use crate::{Status, fields::Fields, fields::kind_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use url::Url;

/// Where changes of an issuance are posted, and which ones.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// An absolute `https` URL on the public internet. Whoever operates the service can allow `http`
    /// and other addresses.
    pub url: String,
    /// The statuses that are posted; every one if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Status>,
}

impl Callback {
    /// The longest URL, in bytes.
    pub const MAX_URL_BYTES: usize = 2048;

    /// Whether a change to `status` is posted.
    pub fn wants(&self, status: &Status) -> bool {
        self.status.is_empty() || self.status.contains(status)
    }

    pub(crate) fn read(
        mut fields: Fields<'_>,
        check_url: impl FnOnce(&Url) -> Result<(), String>,
    ) -> Option<Self> {
        let url = read_url(&mut fields, check_url);
        let status = read_statuses(&mut fields);
        Some(Self { url: url?, status })
    }
}

/// Shows the host alone: path, query and user information of a callback often carry a secret.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).ok();
        f.debug_struct("Callback")
            .field("host", &url.as_ref().and_then(Url::host_str))
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

fn read_url(
    fields: &mut Fields<'_>,
    check: impl FnOnce(&Url) -> Result<(), String>,
) -> Option<String> {
    const WANTED: &str = "give an absolute URL such as https://backend.example/hook";
    let text = fields.required("url", WANTED, |fields| {
        fields.short_text("url", Callback::MAX_URL_BYTES)
    })?;
    let checked = match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => check(&url),
        _ => Err(format!("is not an http or https URL: {WANTED}")),
    };
    match checked {
        Ok(()) => Some(text),
        Err(reason) => fields.refuse("url", reason),
    }
}

/// Reads an array of names, or a string of names joined by commas, as public clients send either.
/// Unknown names are ignored.
fn read_statuses(fields: &mut Fields<'_>) -> Vec<Status> {
    const WANTED: &str = "give a string or an array of strings";
    let names = match fields.take("status") {
        None => Vec::new(),
        Some(Value::String(names)) => vec![names],
        Some(Value::Array(items)) => {
            let names = items.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        }
        Some(other) => {
            fields.fault("status", format!("is {}: {WANTED}", kind_of(&other)));
            Vec::new()
        }
    };
    let mut statuses = Vec::new();
    for name in names.iter().flat_map(|names| names.split(',')) {
        let status = Status::from(name.trim());
        if !matches!(status, Status::Other(_)) && !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callback(status: &[Status]) -> Callback {
        Callback {
            url: "https://me:hunter2@backend.example/hunter2?key=hunter2".to_owned(),
            status: status.to_vec(),
        }
    }

    #[test]
    fn no_status_means_every_status() {
        use Status::{Error, IssueCompleted, IssueRequestCreated};
        let all = [IssueRequestCreated, IssueCompleted, Error];
        assert!(all.iter().all(|status| callback(&[]).wants(status)));
        let some = callback(&[IssueCompleted]);
        assert_eq!(all.map(|status| some.wants(&status)), [false, true, false]);
    }

    #[test]
    fn the_debug_form_shows_the_host_and_no_secret() {
        let shown = format!("{:?}", callback(&[]));
        assert!(
            shown.contains("backend.example") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
