//! One resource of the template, and its properties by name.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use serde_yaml_ng::Value;

use super::error::{Place, TemplateError};
use super::evaluate::Evaluator;
use super::names::Kind;
use super::yaml::entries;

/// A resource of the local stack: of a known type, and not left out by its condition.
#[derive(Debug)]
pub(super) struct Resource<'t> {
    pub(super) kind: Kind,
    pub(super) logical_id: &'t str,
    /// The physical name.
    pub(super) name: String,
    declaration: &'t Value,
}

/// Every resource whose condition holds. Leaves the names of all of them with the evaluator, so
/// that they can be referred to.
pub(super) fn resources<'t>(
    root: &'t Value,
    evaluator: &mut Evaluator<'t>,
) -> Result<Vec<Resource<'t>>, TemplateError> {
    let section = Place::section("Resources");
    let declared = root
        .get("Resources")
        .ok_or_else(|| section.must_be("a mapping of resources"))?;
    let mut present = Vec::new();
    for (logical_id, declaration) in entries(declared, &section)? {
        let place = section.key(logical_id);
        let resource_type = declaration
            .get("Type")
            .and_then(Value::as_str)
            .ok_or_else(|| place.key("Type").must_be("a resource type"))?;
        let kind = Kind::of(resource_type).unwrap_or_else(|| {
            tracing::warn!(
                logical_id,
                resource_type,
                "template.yaml has a resource of a type that the local cloud does not know: it is left out"
            );
            Kind::LeftOut
        });
        let wanted = match declaration.get("Condition").map(Value::as_str) {
            None => true,
            Some(Some(name)) => evaluator.condition(name, &place.key("Condition"))?,
            Some(None) => return Err(place.key("Condition").must_be("a condition's name")),
        };
        if !wanted {
            evaluator.resources.insert(logical_id, None);
            continue;
        }
        let name = physical_name(kind, logical_id, declaration, evaluator, &place)?;
        evaluator
            .resources
            .insert(logical_id, Some((kind, name.clone())));
        present.push(Resource {
            kind,
            logical_id,
            name,
            declaration,
        });
    }
    Ok(present)
}

/// The name that the template sets, or the logical id.
fn physical_name(
    kind: Kind,
    logical_id: &str,
    declaration: &Value,
    evaluator: &Evaluator<'_>,
    place: &Place<'_>,
) -> Result<String, TemplateError> {
    let key = match kind {
        Kind::Table => "TableName",
        Kind::Queue => "QueueName",
        Kind::EventBus => "Name",
        _ => return Ok(logical_id.to_owned()),
    };
    let set = declaration
        .get("Properties")
        .and_then(|properties| properties.get(key));
    match set {
        Some(name) => evaluator.string(name, &place.key("Properties").key(key)),
        None => Ok(logical_id.to_owned()),
    }
}

impl<'t> Resource<'t> {
    /// Calls `look` with the place of `Properties`, which errors about a property start from.
    pub(super) fn at_properties<T>(&self, look: impl FnOnce(&Place<'_>) -> T) -> T {
        let section = Place::section("Resources");
        let resource = section.key(self.logical_id);
        look(&resource.key("Properties"))
    }

    /// `Properties` as it stands in the template.
    pub(super) fn properties(&self) -> Option<&'t Value> {
        self.declaration.get("Properties")
    }

    /// A property as it stands in the template.
    pub(super) fn raw(&self, key: &str) -> Option<&'t Value> {
        self.properties()?.get(key)
    }

    /// A value under `Metadata`, as it stands in the template.
    pub(super) fn metadata(&self, keys: [&str; 2]) -> Option<&'t Value> {
        let [first, second] = keys;
        self.declaration.get("Metadata")?.get(first)?.get(second)
    }

    /// An error about the property `key`; `expected` completes "must be …".
    pub(super) fn must_be(&self, key: &str, expected: &str) -> TemplateError {
        self.at_properties(|place| place.key(key).must_be(expected))
    }

    /// The values of all properties but those in `left_out`, which are not looked at.
    pub(super) fn values(
        &self,
        left_out: &[&str],
        evaluator: &Evaluator<'_>,
    ) -> Result<Map<String, Json>, TemplateError> {
        self.at_properties(|place| {
            let mut values = Map::new();
            let properties = self.properties().map(|all| entries(all, place));
            for (key, value) in properties.transpose()?.unwrap_or_default() {
                if left_out.contains(&key) {
                    continue;
                }
                if let Some(value) = evaluator.evaluate(value, &place.key(key))? {
                    values.insert(key.to_owned(), value);
                }
            }
            Ok(values)
        })
    }

    /// The same as a `T`, which denies properties that it does not know: nothing that the template asks for is
    /// silently left out.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        left_out: &[&str],
        evaluator: &Evaluator<'_>,
    ) -> Result<T, TemplateError> {
        let values = Json::Object(self.values(left_out, evaluator)?);
        let read = T::deserialize(values);
        read.map_err(|fault| {
            self.at_properties(|place| {
                place.error(format!("cannot be carried out by the local cloud: {fault}"))
            })
        })
    }

    /// The same by name, where each is one of `known`.
    pub(super) fn known_values(
        &self,
        known: &[&str],
        left_out: &[&str],
        evaluator: &Evaluator<'_>,
    ) -> Result<Map<String, Json>, TemplateError> {
        let values = self.values(left_out, evaluator)?;
        match values.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(values),
            Some(key) => Err(self.at_properties(|place| place.unknown("property", key))),
        }
    }
}
