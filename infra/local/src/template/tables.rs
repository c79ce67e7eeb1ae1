//! `AWS::DynamoDB::Table`.

use serde_json::{Value as Json, json};

use super::error::TemplateError;
use super::resource::Resource;

/// A table to create.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in DynamoDB.
    pub name: String,
    /// The body of DynamoDB's `CreateTable`.
    pub create: Json,
    /// The attribute that holds an item's expiry in Unix seconds, where the table has one.
    pub ttl_attribute: Option<String>,
}

/// Properties with the same name and shape in `CreateTable`, and those that become something else.
const KNOWN: [&str; 7] = [
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "TimeToLiveSpecification",
];

impl Table {
    pub(super) fn read(resource: &Resource<'_>) -> Result<Self, TemplateError> {
        let properties = resource.properties(&KNOWN)?;
        let mut create = properties.values.as_object().cloned().unwrap_or_default();
        create.insert("TableName".to_owned(), json!(resource.name));
        if let Some(stream) = create.get_mut("StreamSpecification") {
            // CloudFormation switches a stream on by naming its view; the API wants both.
            let view = stream.get("StreamViewType").cloned();
            *stream = json!({"StreamEnabled": true, "StreamViewType": view});
        }
        let ttl = create
            .remove("TimeToLiveSpecification")
            .filter(|ttl| ttl.get("Enabled") == Some(&json!(true)));
        let ttl_attribute = ttl.map(|ttl| {
            let name = ttl.get("AttributeName").and_then(Json::as_str);
            let expected = "with the name of an attribute";
            let must_be = || resource.must_be("TimeToLiveSpecification", expected);
            name.map(str::to_owned).ok_or_else(must_be)
        });
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: resource.name.to_owned(),
            create: Json::Object(create),
            ttl_attribute: ttl_attribute.transpose()?,
        })
    }
}
