//! One resource of the template, and its properties.

use serde_json::{Map, Value as Json};

use super::error::{Place, TemplateError};
use super::evaluate::Evaluator;
use super::names::{Kind, Named, name_in_arn};
use super::yaml::{entries, text};

/// Properties that matter on AWS only, of whatever resource: names, packaging, permissions, scaling, logs, roll-out.
const LEFT_OUT: [&str; 37] = [
    "ApiId",
    "Architectures",
    "AuthorizationType",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeUri",
    "DeletionProtectionEnabled",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FlexibleTimeWindow",
    "FunctionName",
    "GroupName",
    "Handler",
    "IntegrationMethod",
    "KmsKeyArn",
    "KmsMasterKeyId",
    "LoggingConfig",
    "Name",
    "OperationName",
    "PointInTimeRecoverySpecification",
    "Policies",
    "QueueName",
    "RecursiveLoop",
    "RedriveAllowPolicy",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "SSESpecification",
    "SqsManagedSseEnabled",
    "TableName",
    "Tags",
    // Of a schedule, whose role has no counterpart here.
    "Target",
    "TimeoutInMillis",
    "Tracing",
];

/// A resource of the local stack: not left out by its condition.
#[derive(Debug)]
pub(super) struct Resource<'t> {
    pub(super) kind: Kind,
    pub(super) logical_id: &'t str,
    /// The physical name.
    pub(super) name: String,
    /// As it stands in the template.
    pub(super) declaration: &'t Json,
    /// Where its properties are.
    pub(super) place: Place,
}

/// Every resource whose condition holds, by logical id. Leaves the names of all of them with the evaluator, so that
/// they can be referred to.
pub(super) fn resources<'t>(
    root: &'t Json,
    evaluator: &mut Evaluator<'t>,
) -> Result<Vec<Resource<'t>>, TemplateError> {
    let section = Place::section("Resources");
    let declared = root
        .get("Resources")
        .ok_or_else(|| section.must_be("a mapping of resources"))?;
    let (mut present, mut with_names) = (Vec::new(), Vec::new());
    for (logical_id, declaration) in entries(declared, &section)? {
        let place = section.key(logical_id);
        let resource_type = declaration
            .get("Type")
            .and_then(Json::as_str)
            .ok_or_else(|| place.key("Type").must_be("a resource type"))?;
        let kind = Kind::of(resource_type).unwrap_or_else(|| {
            tracing::warn!(
                logical_id,
                resource_type,
                "template.yaml has a resource of a type that the local cloud does not know: it is left out"
            );
            Kind::LeftOut
        });
        let wanted = match declaration.get("Condition").map(Json::as_str) {
            None => true,
            Some(Some(name)) => evaluator.condition(name, &place.key("Condition"))?,
            Some(None) => return Err(place.key("Condition").must_be("a condition's name")),
        };
        if !wanted {
            evaluator.resources.insert(logical_id, None);
            continue;
        }
        let key = match kind {
            Kind::Table => Some("TableName"),
            Kind::Queue => Some("QueueName"),
            Kind::EventBus => Some("Name"),
            _ => None,
        };
        let set = key.and_then(|key| Some((key, declaration.get("Properties")?.get(key)?)));
        let resource = Resource {
            kind,
            logical_id,
            name: logical_id.clone(),
            declaration,
            place: place.key("Properties"),
        };
        match set {
            Some(name) => with_names.push((resource, name)),
            None => {
                evaluator.resources.insert(logical_id, resource.named());
                present.push(resource);
            }
        }
    }
    // After the others, to which their names may refer.
    for (mut resource, (key, name)) in with_names {
        resource.name = evaluator.string(name, &resource.place.key(key))?;
        let logical_id = resource.logical_id;
        evaluator.resources.insert(logical_id, resource.named());
        present.push(resource);
    }
    present.sort_by_key(|resource| resource.logical_id);
    Ok(present)
}

impl Resource<'_> {
    fn named(&self) -> Option<Named> {
        let (kind, name) = (self.kind, self.name.clone());
        Some(Named { kind, name })
    }

    /// Its properties: those that are `known`. Those that matter on AWS only are not looked at.
    ///
    /// # Errors
    /// Any other property: nothing that the template asks for is silently left out.
    pub(super) fn properties(
        &self,
        known: &[&str],
        evaluator: &Evaluator<'_>,
    ) -> Result<Properties, TemplateError> {
        let declared = self.declaration.get("Properties");
        if let Some(declared) = declared {
            let is_unknown = |key: &&str| !known.contains(key) && !LEFT_OUT.contains(key);
            let mut keys = entries(declared, &self.place)?.keys().map(String::as_str);
            if let Some(key) = keys.find(is_unknown) {
                return Err(self.place.unknown("property", key));
            }
        }
        Properties::evaluate(declared, known, self.place.clone(), evaluator)
    }

    /// An error about the property `key`; `expected` completes "must be …".
    pub(super) fn must_be(&self, key: &str, expected: &str) -> TemplateError {
        self.place.key(key).must_be(expected)
    }
}

/// The logical id of the function among `all` whose ARN is `arn`, is in `arn` with an alias, or is
/// in it as the path of an API Gateway integration.
pub(super) fn function_in_arn(arn: &str, all: &[Resource<'_>]) -> Option<String> {
    let name = name_in_arn(arn, ":function:")?;
    all.iter()
        .find(|one| one.kind == Kind::Function && one.name == name)
        .map(|function| function.logical_id.to_owned())
}

/// The values of properties.
pub(super) struct Properties {
    pub(super) values: Json,
    place: Place,
}

impl Properties {
    /// The values of those that are `known`; `declared` stands at `place`.
    pub(super) fn evaluate(
        declared: Option<&Json>,
        known: &[&str],
        place: Place,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let mut values = Map::new();
        for key in known {
            if let Some(declared) = declared.and_then(|declared| declared.get(key))
                && let Some(value) = evaluator.evaluate(declared, &place.key(key))?
            {
                values.insert((*key).to_owned(), value);
            }
        }
        let values = Json::Object(values);
        Ok(Self { values, place })
    }

    /// The text at this JSON pointer, or none.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.values.pointer(pointer)?.as_str()
    }

    /// The whole number at this JSON pointer, given as a number or as its digits.
    pub(super) fn number(&self, pointer: &str) -> Result<Option<i64>, TemplateError> {
        let Some(value) = self.values.pointer(pointer) else {
            return Ok(None);
        };
        let number = text(value).and_then(|text| text.parse().ok());
        let must_be = || self.at(pointer).must_be("a whole number");
        number.map(Some).ok_or_else(must_be)
    }

    /// The texts of the mapping at this JSON pointer.
    pub(super) fn texts(&self, pointer: &str) -> Result<Vec<(String, String)>, TemplateError> {
        let Some(mapping) = self.values.pointer(pointer) else {
            return Ok(Vec::new());
        };
        let place = self.at(pointer);
        let texts = entries(mapping, &place)?.iter().map(|(name, value)| {
            let text = text(value).ok_or_else(|| place.key(name).must_be("a string"))?;
            Ok((name.clone(), text))
        });
        texts.collect()
    }

    fn at(&self, pointer: &str) -> Place {
        let steps = pointer.split('/').skip(1);
        steps.fold(self.place.clone(), |place, step| place.key(step))
    }
}
