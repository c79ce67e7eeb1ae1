//! JSON Schema: compiled without network and files, and faults told without the values at fault.

use bestow_contract::FieldError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Faults reported for one value at most: enough to correct by, bounded for the answer's size.
pub(crate) const MAXIMUM_FAULTS: usize = 50;

/// Compiles a JSON Schema (draft 2020-12 unless it says otherwise). `$ref` reaches inside the schema
/// only; `format` is enforced and must be known; patterns run in linear time.
///
/// # Errors
/// Where in the schema the fault is, and what it is.
pub(crate) fn compile(schema: &Value) -> Result<Validator, FieldError> {
    jsonschema::options()
        .offline()
        .with_pattern_options(
            PatternOptions::regex()
                .size_limit(1 << 20)
                .dfa_size_limit(1 << 20),
        )
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .build(schema)
        .map_err(|error| {
            let reason = format!("is not a JSON Schema that can be used: {error}");
            FieldError::new(error.instance_path().to_string(), reason)
        })
}

/// The faults of `value`, in document order, the first fifty.
pub(crate) fn faults(validator: &Validator, value: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for error in validator.iter_errors(value) {
        push_faults(&error, &mut faults);
        if faults.len() >= MAXIMUM_FAULTS {
            faults.truncate(MAXIMUM_FAULTS);
            break;
        }
    }
    faults
}

fn push_faults(error: &ValidationError<'_>, faults: &mut Vec<FieldError>) {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            faults.extend(
                unexpected
                    .iter()
                    .map(|name| FieldError::new(child(&pointer, name), "is not known here")),
            );
        }
        ValidationErrorKind::Required { property } => {
            let pointer = match property.as_str() {
                Some(name) => child(&pointer, name),
                None => pointer,
            };
            faults.push(FieldError::new(pointer, "is missing: it is required"));
        }
        kind => faults.push(FieldError::new(pointer, reason(kind))),
    }
}

/// Says what the schema wants, from the schema's side alone: the library's own messages would quote
/// the value.
fn reason(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => match kind {
            TypeKind::Single(json_type) => format!("must be of type {json_type}"),
            TypeKind::Multiple(types) => {
                let names: Vec<String> = types.iter().map(|name| name.to_string()).collect();
                format!("must be of type {}", names.join(" or "))
            }
        },
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => {
                let options: Vec<String> = options.iter().map(Value::to_string).collect();
                format!("must be one of {}", options.join(", "))
            }
            None => "must be one of the values that the schema lists".to_owned(),
        },
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::Format { format } => format!("must be a valid {format}"),
        ValidationErrorKind::Pattern { pattern } => format!("must match {pattern}"),
        ValidationErrorKind::MinLength { limit } => {
            format!("must have at least {limit} character(s)")
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("must have at most {limit} character(s)")
        }
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => {
            format!("must be a multiple of {multiple_of}")
        }
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} item(s)"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} item(s)"),
        ValidationErrorKind::AdditionalItems { limit } => {
            format!("must have at most {limit} item(s)")
        }
        ValidationErrorKind::FalseSchema => "is not allowed here".to_owned(),
        ValidationErrorKind::UniqueItems => "must not have the same item twice".to_owned(),
        ValidationErrorKind::MinProperties { limit } => {
            format!("must have at least {limit} member(s)")
        }
        ValidationErrorKind::MaxProperties { limit } => {
            format!("must have at most {limit} member(s)")
        }
        ValidationErrorKind::PropertyNames { error } => {
            format!("has a member whose name {}", reason(error.kind()))
        }
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            "must match one of the alternatives that the schema lists".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "must match exactly one of the alternatives that the schema lists".to_owned()
        }
        kind => format!("must satisfy the schema's `{}`", kind.keyword()),
    }
}

/// `pointer` extended by one member (RFC 6901 §3).
pub(crate) fn child(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(schema: Value, value: Value) -> Vec<(String, String)> {
        faults(&compile(&schema).unwrap(), &value)
            .into_iter()
            .map(|fault| (fault.pointer, fault.reason))
            .collect()
    }

    #[test]
    fn no_reason_repeats_the_value() {
        let secret = "S3CR3T-VALUE";
        let schemas = [
            json!({"type": "integer"}),
            json!({"type": ["integer", "null"]}),
            json!({"enum": ["a"]}),
            json!({"const": "a"}),
            json!({"format": "date"}),
            json!({"pattern": "^a$"}),
            json!({"maxLength": 1}),
            json!({"minLength": 99}),
            json!({"not": {}}),
            json!({"anyOf": [{"type": "integer"}]}),
            json!({"oneOf": [{"type": "integer"}]}),
            json!({"oneOf": [{}, {}]}),
            json!({"if": {}, "then": false}),
            json!(false),
        ];
        for schema in schemas {
            let object = json!({"type": "object", "properties": {"claim": schema}});
            let faults = faults_of(object, json!({"claim": secret}));
            assert!(!faults.is_empty(), "{schema} accepts anything");
            for (pointer, reason) in faults {
                assert_eq!(pointer, "/claim");
                assert!(!reason.contains(secret), "{schema}: {reason}");
            }
        }
        for schema in [
            json!({"uniqueItems": true}),
            json!({"contains": {"type": "null"}}),
            json!({"prefixItems": [{}], "items": false}),
            json!({"prefixItems": [{}], "unevaluatedItems": false}),
        ] {
            for (_, reason) in faults_of(schema, json!([secret, secret])) {
                assert!(!reason.contains(secret), "{reason}");
            }
        }
    }

    #[test]
    fn a_missing_and_an_unknown_member_are_pointed_at_themselves() {
        let schema = json!({"type": "object", "required": ["a/b"], "properties": {"a/b": {}}, "additionalProperties": false});
        assert_eq!(
            faults_of(schema, json!({"x~y": 1})),
            [
                ("/x~0y".to_owned(), "is not known here".to_owned()),
                ("/a~1b".to_owned(), "is missing: it is required".to_owned()),
            ]
        );
    }

    #[test]
    fn a_schema_cannot_reach_out() {
        assert!(compile(&json!({"$ref": "https://example.com/schema.json"})).is_err());
        assert!(compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
    }

    #[test]
    fn a_backtracking_pattern_is_refused() {
        assert!(compile(&json!({"pattern": "^(a+)+\\1$"})).is_err());
    }

    #[test]
    fn an_unknown_format_is_refused() {
        assert!(compile(&json!({"format": "ibann"})).is_err());
    }

    #[test]
    fn faults_are_bounded() {
        let value: Value = (0..1000).collect::<Vec<u32>>().into();
        let faults = faults(
            &compile(&json!({"items": {"type": "string"}})).unwrap(),
            &value,
        );
        assert_eq!(faults.len(), MAXIMUM_FAULTS);
    }
}
