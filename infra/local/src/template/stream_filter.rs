//! The patterns of `FilterCriteria`, as far as templates here use them.

use serde_json::{Value as Json, json};

/// Which records of a stream a function gets. A pattern has the shape of a record; where the record has a
/// value, the pattern has a list of what it may be: a value, `{"prefix": "…"}`, or `{"exists": true}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamFilter(Json);

impl StreamFilter {
    /// The filter of this pattern; `None`, where it asks for something that is not known here.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let pattern: Json = serde_json::from_str(pattern).ok()?;
        (pattern.is_object() && is_known(&pattern)).then_some(Self(pattern))
    }

    #[cfg(test)]
    pub(crate) fn of(pattern: &str) -> Self {
        Self::read(pattern).unwrap()
    }

    /// Whether the function gets this record.
    pub(crate) fn takes(&self, record: &Json) -> bool {
        matches(&self.0, Some(record))
    }
}

fn is_known(pattern: &Json) -> bool {
    match pattern {
        Json::Object(members) => members.values().all(is_known),
        Json::Array(choices) => choices.iter().all(|choice| match choice {
            Json::Object(members) => {
                members.len() == 1
                    && (members.get("prefix").is_some_and(Json::is_string) || *choice == exists())
            }
            choice => !choice.is_array(),
        }),
        _ => false,
    }
}

fn matches(pattern: &Json, value: Option<&Json>) -> bool {
    match pattern {
        Json::Object(members) => members
            .iter()
            .all(|(name, pattern)| matches(pattern, value.and_then(|value| value.get(name)))),
        Json::Array(choices) => value.is_some_and(|value| {
            choices.iter().any(|choice| match prefix(choice) {
                Some(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
                None => choice == value || *choice == exists(),
            })
        }),
        _ => false,
    }
}

fn exists() -> Json {
    json!({"exists": true})
}

fn prefix(choice: &Json) -> Option<&str> {
    choice.get("prefix")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_what_has_its_values() {
        let filter = StreamFilter::read(
            r#"{"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "issuance#"}]}}}}"#,
        )
        .unwrap();
        let record = |event: &str, pk: &str| json!({"eventName": event, "dynamodb": {"Keys": {"pk": {"S": pk}}}});
        assert!(filter.takes(&record("INSERT", "issuance#1")));
        assert!(filter.takes(&record("MODIFY", "issuance#1")));
        assert!(!filter.takes(&record("REMOVE", "issuance#1")));
        assert!(!filter.takes(&record("INSERT", "job#1")));
        assert!(!filter.takes(&json!({"eventName": "INSERT"})));
    }

    #[test]
    fn a_pattern_takes_what_has_a_value_of_any_kind() {
        let pattern = r#"{"dynamodb": {"NewImage": {"sequence": {"N": [{"exists": true}]}}}}"#;
        let filter = StreamFilter::read(pattern).unwrap();
        let record = |image: Json| json!({"dynamodb": {"NewImage": image}});
        assert!(filter.takes(&record(json!({"sequence": {"N": "1"}}))));
        assert!(!filter.takes(&record(json!({"status": {"S": "valid"}}))));
    }

    #[test]
    fn a_pattern_that_asks_for_more_is_refused() {
        for pattern in [
            "",
            "[]",
            r#"{"eventName": "INSERT"}"#,
            r#"{"eventName": [{"anything-but": "REMOVE"}]}"#,
            r#"{"eventName": [{"exists": false}]}"#,
            r#"{"eventName": [["INSERT"]]}"#,
        ] {
            assert_eq!(StreamFilter::read(pattern), None, "{pattern}");
        }
    }
}
