//! An issuer with two of the shipped templates, and a table.

use std::sync::Arc;
use std::time::Duration;

use bestow_aws::sdk::Sdk;
use bestow_bundled_wallet::{CLAIMS_TO_ERASE, WalletTable};
use bestow_contract::{CorrelationId, StartIssue};
use bestow_embedded_aws::{create_table, dynamodb, env};
use bestow_issuer::{
    CredentialOffers, Issuer, ListNumber, Offer, OfferId, RevocationUuid, StatusRecord,
    TemplateFile, Templates, WalletKeys,
};
use bestow_signing::{LocalKey, SigningIdentity};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const NOW: Timestamp = Timestamp::constant(1_763_920_000, 0);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const TABLE: &str = "wallet";
pub(crate) const ISSUER: &str = "https://issuer.example";

/// An empty table.
pub(crate) struct Table {
    pub(crate) table: WalletTable,
    pub(crate) client: bestow_aws::Dynamodb,
    pub(crate) endpoint: String,
}

pub(crate) async fn table() -> Table {
    let mut create = create_table(TABLE);
    // As in template.yaml.
    for (name, kind) in [("erase_shard", "N"), ("erase_at_seconds", "N")] {
        let definitions = create["AttributeDefinitions"].as_array_mut().unwrap();
        definitions.push(json!({"AttributeName": name, "AttributeType": kind}));
    }
    create["GlobalSecondaryIndexes"] = json!([{
        "IndexName": CLAIMS_TO_ERASE,
        "KeySchema": [
            {"AttributeName": "erase_shard", "KeyType": "HASH"},
            {"AttributeName": "erase_at_seconds", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }]);
    let endpoint = dynamodb(create).await;
    let client = client(&endpoint);
    Table {
        table: WalletTable::new(client.clone(), TABLE),
        client,
        endpoint,
    }
}

/// A client of the DynamoDB at `endpoint`.
pub(crate) fn client(endpoint: &str) -> bestow_aws::Dynamodb {
    Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", endpoint))
        .unwrap()
        .dynamodb()
}

pub(crate) fn issuer() -> Issuer {
    let secret = "a secret of at least thirty-two characters".to_owned();
    let keys = WalletKeys::derive(&secret.into(), ISSUER).unwrap();
    let signing = SigningIdentity::new(Arc::new(LocalKey::generate().unwrap()), "key-1");
    let files = [
        TemplateFile {
            name: "issue_iban.json",
            text: include_str!("../../../../infra/issue-templates/issue_iban.json"),
        },
        TemplateFile {
            name: "employee_badge.json",
            text: include_str!("../../../../infra/issue-templates/employee_badge.json"),
        },
    ];
    let templates = Templates::load(&files).unwrap();
    Issuer::new(
        CredentialOffers::new(ISSUER.parse().unwrap(), keys, templates),
        signing,
    )
}

/// A new offer of a credential with a status.
pub(crate) fn offer(issuer: &Issuer, correlation_id: &str) -> Offer {
    let claims = json!({"companyname": "CoolSoft B.V.", "currency": "EUR",
        "iban": "NL12TUL25708789078", "bic": "TULINL2A", "acccount_type": "Business"});
    start(issuer, correlation_id, "issue_iban", &claims)
}

/// A new offer of a credential without a status.
pub(crate) fn offer_without_status(issuer: &Issuer, correlation_id: &str) -> Offer {
    let claims =
        json!({"given_name": "Ada", "family_name": "Lovelace", "employee_number": "E-1815"});
    start(issuer, correlation_id, "employee_badge", &claims)
}

fn start(issuer: &Issuer, correlation_id: &str, template_id: &str, claims: &Value) -> Offer {
    let body = json!({"template_id": template_id, "claims": claims}).to_string();
    let request = StartIssue::from_json(body.as_bytes()).unwrap();
    let id: CorrelationId = correlation_id.parse().unwrap();
    issuer
        .offers()
        .start(
            &request,
            OfferId::of(id.as_str()),
            id,
            ListNumber::FIRST,
            [7; 16],
            NOW,
        )
        .unwrap()
}

/// The status record of a new credential, at one of a hundred places of its own.
pub(crate) fn record(list: ListNumber, place: u8) -> StatusRecord {
    let mut random = [7; 16];
    random[5] = place;
    StatusRecord::new(RevocationUuid::draw(list, random))
}
