//! What a JSON Schema says about one place in the values that it describes.

use bestow_credential::{ClaimPath, PathSegment};
use serde_json::{Map, Value};

/// `$ref`s followed for one step; more means that they go in a circle.
const MAXIMUM_REFERENCES: usize = 16;

/// Whether the schema describes a member or element at `path`.
pub(super) fn is_known(schema: &Value, path: &ClaimPath) -> bool {
    let mut here = schema;
    for step in path.segments() {
        match child(schema, here, step) {
            Some(child) => here = child,
            None => return false,
        }
    }
    true
}

/// Whether every step of `path` is compulsory. An element of an array never is: the array may be empty.
pub(super) fn is_mandatory(schema: &Value, path: &ClaimPath) -> bool {
    let mut here = schema;
    for step in path.segments() {
        let PathSegment::Member(name) = step else {
            return false;
        };
        let required = resolve(schema, here)
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|required| required.iter().any(|required| required == name.as_str()));
        match child(schema, here, step) {
            Some(child) if required => here = child,
            _ => return false,
        }
    }
    true
}

/// The names that the schema gives to the members of its top level.
pub(super) fn top_level(schema: &Value) -> impl Iterator<Item = &String> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
}

fn child<'s>(root: &'s Value, schema: &'s Value, step: &PathSegment) -> Option<&'s Value> {
    let schema = resolve(root, schema);
    match step {
        PathSegment::Member(name) => schema.get("properties")?.get(name),
        PathSegment::Elements => schema.get("items"),
    }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut here = schema;
    for _ in 0..MAXIMUM_REFERENCES {
        let target = here
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .and_then(|pointer| root.pointer(pointer));
        match target {
            Some(target) => here = target,
            None => break,
        }
    }
    here
}
