//! A backend as a client of the issue contract: what a bank's own system would send.

use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::eventually;

/// How long anything in these tests may take before it counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A caller of the issue contract with its API key.
#[derive(Clone)]
pub struct Backend {
    pub http: reqwest::Client,
    pub base_url: String,
    pub api_key: String,
}

impl Backend {
    pub fn new(base_url: &str, api_key: &str) -> Self {
        Self {
            http: http_client(),
            base_url: base_url.to_owned(),
            api_key: api_key.to_owned(),
        }
    }

    /// A request below the base URL, with the key.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http
            .request(method, format!("{}{path}", self.base_url))
            .header("x-api-key", &self.api_key)
    }

    /// Start issue.
    pub async fn start(&self, body: &Value) -> Answer {
        Answer::to(self.request("POST", "/api/v2/credential/issue").json(body)).await
    }

    /// Start issue with the `issue_iban` template for a personal wallet; must be accepted.
    pub async fn start_iban(&self, correlation_id: &str) -> Answer {
        self.start(&iban(correlation_id)).await.expect(201)
    }

    /// Get issue status.
    pub async fn status(&self, correlation_id: &str) -> Answer {
        Answer::to(self.request("GET", &format!("/api/v2/issue/{correlation_id}"))).await
    }

    /// The `revocation_uuid` of an issuance.
    pub async fn revocation_uuid(&self, correlation_id: &str) -> String {
        let status = self.status(correlation_id).await.expect(200);
        status.str("revocation_uuid").to_owned()
    }

    /// Asks for the status until it is `wanted`, and gives that answer's body.
    pub async fn until_status(&self, correlation_id: &str, wanted: &str) -> Value {
        self.until_status_within(correlation_id, wanted, PATIENCE)
            .await
    }

    /// The same with a limit of its own.
    pub async fn until_status_within(
        &self,
        correlation_id: &str,
        wanted: &str,
        limit: Duration,
    ) -> Value {
        eventually(
            &format!("{correlation_id} has status {wanted}"),
            limit,
            async || {
                let body = self.status(correlation_id).await.expect(200).body;
                (body["status"] == wanted).then_some(body)
            },
        )
        .await
    }

    /// Waits until an issuance has a certain stage, and returns the body of that answer.
    pub async fn until_stage(&self, correlation_id: &str, wanted: &str) -> Value {
        let what = format!("{correlation_id} has stage {wanted}");
        eventually(&what, PATIENCE, async || {
            let body = self.status(correlation_id).await.expect(200).body;
            (body["stage"] == wanted).then_some(body)
        })
        .await
    }

    /// Get deliveries.
    pub async fn deliveries(&self, correlation_id: &str) -> Answer {
        let path = format!("/api/v2/deliveries/{correlation_id}");
        Answer::to(self.request("GET", &path)).await
    }

    /// Asks for the deliveries of an issuance until one of them is as wanted, and gives that one.
    pub async fn until_delivery(
        &self,
        correlation_id: &str,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until_delivery_within(correlation_id, what, PATIENCE, is_wanted)
            .await
    }

    /// The same with a limit of its own.
    pub async fn until_delivery_within(
        &self,
        correlation_id: &str,
        what: &str,
        limit: Duration,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(what, limit, async || {
            let listed = self.deliveries(correlation_id).await.expect(200).body;
            let listed = listed["deliveries"].as_array().expect("a list").clone();
            listed.into_iter().find(|delivery| is_wanted(delivery))
        })
        .await
    }

    /// Sends a delivery again.
    pub async fn replay(&self, delivery_id: &str) -> Answer {
        let path = format!("/api/v2/deliveries/{delivery_id}/replay");
        Answer::to(self.request("POST", &path)).await
    }

    /// `PUT` credential status.
    pub async fn set_credential_status(&self, revocation_uuid: &str, status: &str) -> Answer {
        let path = format!("/api/v2/credential/status/{revocation_uuid}");
        Answer::to(self.request("PUT", &path).json(&json!({"status": status}))).await
    }

    /// `GET` credential status.
    pub async fn credential_status(&self, revocation_uuid: &str) -> Answer {
        let path = format!("/api/v2/credential/status/{revocation_uuid}");
        Answer::to(self.request("GET", &path)).await
    }
}

/// A client that follows no redirects: the answers themselves are under test.
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

/// A correlation id that no other test uses.
pub fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The claims of the contract's sample, verbatim: `acccount_type` has three c's there.
pub fn iban_claims() -> Value {
    json!({
        "companyname": "CoolSoft B.V.",
        "currency": "EUR",
        "iban": "NL12TUL25708789078",
        "bic": "TULINL2A",
        "acccount_type": "Business Checking Account"
    })
}

/// The smallest Start issue of the employee badge, which has no status list.
pub fn badge(correlation_id: &str) -> Value {
    json!({
        "correlation_id": correlation_id,
        "template_id": "employee_badge",
        "claims": {
            "employer": "Analytical Engines Ltd.",
            "employee_number": "E-1815",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "access_areas": ["workshop", "library"]
        }
    })
}

/// A Start issue of the company registration: objects in arrays in objects.
pub fn company(correlation_id: &str) -> Value {
    json!({
        "correlation_id": correlation_id,
        "template_id": "company_registration",
        "claims": {
            "legal_name": "CoolSoft B.V.",
            "trade_names": ["CoolSoft", "Cöölsoft ❄"],
            "legal_form": "Besloten vennootschap",
            "registration_number": "12345678",
            "register": "Kamer van Koophandel",
            "registration_status": "active",
            "date_of_incorporation": "2001-02-03",
            "registered_address": {
                "street_address": "Kade 1", "locality": "Utrecht", "country": "NL"
            },
            "representatives": [
                {"name": "Ada Lovelace", "role": "director", "authority": "sole"},
                {"name": "Charles Babbage", "authority": "joint"}
            ]
        }
    })
}

/// The smallest Start issue of the `issue_iban` template.
pub fn iban(correlation_id: &str) -> Value {
    json!({
        "correlation_id": correlation_id,
        "template_id": "issue_iban",
        "claims": iban_claims()
    })
}
