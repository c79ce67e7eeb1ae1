//! `AWS::DynamoDB::Table`.

use serde_json::{Map, Value as Json, json};

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::resource::Resource;

/// A table to create.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in DynamoDB.
    pub name: String,
    /// The body of DynamoDB's `CreateTable`.
    pub create: Json,
    /// The attribute that holds an item's expiry in Unix seconds, where the table has one.
    pub ttl_attribute: Option<String>,
}

/// Properties with the same name and shape in `CreateTable`.
const TAKEN_OVER: [&str; 5] = [
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
];

const LEFT_OUT: [&str; 6] = [
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "Tags",
];

impl Table {
    pub(super) fn read(
        resource: &Resource<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let mut carried_out = TAKEN_OVER.to_vec();
        carried_out.extend([
            "TableName",
            "StreamSpecification",
            "TimeToLiveSpecification",
        ]);
        resource.only(&carried_out, &LEFT_OUT)?;

        let mut create = Map::new();
        create.insert("TableName".to_owned(), json!(resource.name));
        for key in TAKEN_OVER {
            if let Some(value) = resource.property(key, evaluator)? {
                create.insert(key.to_owned(), value);
            }
        }
        if let Some(stream) = resource.property("StreamSpecification", evaluator)? {
            // CloudFormation switches a stream on by naming its view; the API wants both.
            let view = stream.get("StreamViewType").cloned();
            create.insert(
                "StreamSpecification".to_owned(),
                json!({"StreamEnabled": true, "StreamViewType": view}),
            );
        }
        let ttl_attribute = match resource.property("TimeToLiveSpecification", evaluator)? {
            Some(ttl) if ttl.get("Enabled") == Some(&Json::Bool(true)) => {
                let attribute = ttl.get("AttributeName").and_then(Json::as_str);
                let attribute = attribute.ok_or_else(|| {
                    resource.at_properties(|place| {
                        place
                            .key("TimeToLiveSpecification")
                            .key("AttributeName")
                            .must_be("the name of an attribute")
                    })
                })?;
                Some(attribute.to_owned())
            }
            _ => None,
        };
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: resource.name.clone(),
            create: Json::Object(create),
            ttl_attribute,
        })
    }
}
