//! Callbacks. That their body is the answer of Get issue status is `[d]`.

use crate::{Status, fields::Fields, fields::kind_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

/// Where changes of an issuance shall be posted, and which ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Callback {
    /// An absolute `http` or `https` URL.
    #[schema(format = "uri", max_length = 2048)]
    pub url: String,
    /// The statuses that are posted; every one if there are none. One string, of names joined by
    /// commas, is taken too; unknown names are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Status>,
}

impl Callback {
    /// The longest URL, in bytes.
    pub const MAX_URL_BYTES: usize = 2048;

    pub(crate) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let url = read_url(&mut fields);
        let status = read_statuses(&mut fields);
        Some(Self { url: url?, status })
    }
}

fn read_url(fields: &mut Fields<'_>) -> Option<String> {
    const WANTED: &str = "give an absolute URL such as https://backend.example/hook";
    let faults_before = fields.fault_count();
    let Some(text) = fields.short_text("url", Callback::MAX_URL_BYTES) else {
        if fields.fault_count() == faults_before {
            fields.missing("url", WANTED);
        }
        return None;
    };
    let is_http = Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_http {
        fields.fault("url", format!("is not an http or https URL: {WANTED}"));
        return None;
    }
    Some(text)
}

/// Public clients send a string, a comma-joined string or an array; unknown names are ignored.
fn read_statuses(fields: &mut Fields<'_>) -> Vec<Status> {
    const WANTED: &str = "give a string or an array of strings";
    let names = match fields.take("status") {
        None => Vec::new(),
        Some(Value::String(names)) => vec![names],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
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
