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
pub(super) struct Resource<'t> {
    pub(super) kind: Kind,
    pub(super) logical_id: &'t str,
    /// The physical name.
    pub(super) name: &'t str,
    /// As it stands in the template.
    pub(super) declaration: &'t Json,
    pub(super) evaluator: &'t Evaluator<'t>,
    place: Place,
}

/// Leaves the names of all resources with the evaluator, so that they can be referred to.
pub(super) fn declare<'t>(
    declared: &'t Map<String, Json>,
    evaluator: &mut Evaluator<'t>,
) -> Result<(), TemplateError> {
    let section = Place::section("Resources");
    let mut with_names = Vec::new();
    for (logical_id, declaration) in declared {
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
        match set {
            Some((key, name)) => {
                let place = place.key("Properties").key(key);
                with_names.push((logical_id, kind, name, place));
            }
            None => {
                let name = logical_id.clone();
                evaluator
                    .resources
                    .insert(logical_id, Some(Named { kind, name }));
            }
        }
    }
    // After the others, to which their names may refer.
    for (logical_id, kind, name, place) in with_names {
        let name = evaluator.string(name, &place)?;
        evaluator
            .resources
            .insert(logical_id, Some(Named { kind, name }));
    }
    Ok(())
}

impl<'t> Resource<'t> {
    /// The resource with this logical id, unless its condition leaves it out.
    pub(super) fn of(
        logical_id: &'t str,
        declaration: &'t Json,
        evaluator: &'t Evaluator<'t>,
    ) -> Option<Self> {
        let named = evaluator.resources.get(logical_id)?.as_ref()?;
        Some(Self {
            kind: named.kind,
            logical_id,
            name: &named.name,
            declaration,
            evaluator,
            place: Place::section("Resources")
                .key(logical_id)
                .key("Properties"),
        })
    }

    /// Its properties: those that are `known`. Those that matter on AWS only are not looked at.
    ///
    /// # Errors
    /// Any other property: nothing that the template asks for is silently left out.
    pub(super) fn properties(&self, known: &[&str]) -> Result<Properties, TemplateError> {
        let declared = self.declaration.get("Properties");
        if let Some(declared) = declared {
            let is_unknown = |key: &&str| !known.contains(key) && !LEFT_OUT.contains(key);
            let mut keys = entries(declared, &self.place)?.keys().map(String::as_str);
            if let Some(key) = keys.find(is_unknown) {
                return Err(self.place.unknown("property", key));
            }
        }
        Properties::evaluate(declared, known, self.place.clone(), self.evaluator)
    }

    /// Where its properties are.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The logical id of the function whose ARN is `arn`, is in `arn` with an alias, or is in it as the path of an API
    /// Gateway integration; `key` is the property that it stands in.
    pub(super) fn function_in(
        &self,
        key: &str,
        arn: Option<&str>,
    ) -> Result<String, TemplateError> {
        let name = arn.and_then(|arn| name_in_arn(arn, ":function:"));
        let is_named = |named: &Named| named.kind == Kind::Function && Some(&*named.name) == name;
        let mut resources = self.evaluator.resources.iter();
        let function = resources.find(|(_, named)| named.as_ref().is_some_and(is_named));
        function
            .map(|(logical_id, _)| (*logical_id).to_owned())
            .ok_or_else(|| self.must_be(key, "the ARN of a function of this template"))
    }

    /// An error about the property `key`; `expected` completes "must be …".
    pub(super) fn must_be(&self, key: &str, expected: &str) -> TemplateError {
        self.place.key(key).must_be(expected)
    }
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
