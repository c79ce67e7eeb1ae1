//! Conditions and intrinsic functions: a template's value in, the value that it stands for out.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use serde_yaml_ng::Value;

use super::error::{Place, TemplateError};
use super::names::{Endpoints, Kind, Named, pseudo_parameter};
use super::yaml::{entries, intrinsic};

/// Evaluates values of one template with fixed parameters.
#[derive(Debug)]
pub(super) struct Evaluator<'t> {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) conditions: BTreeMap<String, bool>,
    /// Every resource of the template by logical id; `None` for one that its condition leaves out.
    pub(super) resources: BTreeMap<&'t str, Option<(Kind, String)>>,
    pub(super) endpoints: &'t Endpoints,
}

impl<'t> Evaluator<'t> {
    /// An evaluator that knows the parameters and, from them, the conditions, but no resource yet.
    pub(super) fn new(
        root: &Value,
        parameters: BTreeMap<String, String>,
        endpoints: &'t Endpoints,
    ) -> Result<Self, TemplateError> {
        let mut evaluator = Self {
            parameters,
            conditions: BTreeMap::new(),
            resources: BTreeMap::new(),
            endpoints,
        };
        if let Some(section) = root.get("Conditions") {
            let declared: BTreeMap<&str, &Value> = entries(section, &Place::section("Conditions"))?
                .into_iter()
                .collect();
            for name in declared.keys() {
                let truth = evaluator.declared_condition(name, &declared, &mut Vec::new())?;
                evaluator.conditions.insert((*name).to_owned(), truth);
            }
        }
        Ok(evaluator)
    }

    /// The value that `value` stands for; `None` is `AWS::NoValue`, which takes what holds it away.
    pub(super) fn evaluate(
        &self,
        value: &Value,
        place: &Place<'_>,
    ) -> Result<Option<Json>, TemplateError> {
        if let Some((name, argument)) = intrinsic(value) {
            return self.call(&name, argument, place);
        }
        match value {
            Value::Null => Ok(Some(Json::Null)),
            Value::Bool(truth) => Ok(Some(Json::Bool(*truth))),
            Value::String(text) => Ok(Some(Json::String(text.clone()))),
            Value::Number(_) => serde_json::to_value(value)
                .map(Some)
                .map_err(|_| place.must_be("a finite number")),
            Value::Sequence(items) => {
                let mut evaluated = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    evaluated.extend(self.evaluate(item, &place.index(index))?);
                }
                Ok(Some(Json::Array(evaluated)))
            }
            Value::Mapping(_) => {
                let mut evaluated = serde_json::Map::new();
                for (key, value) in entries(value, place)? {
                    if let Some(value) = self.evaluate(value, &place.key(key))? {
                        evaluated.insert(key.to_owned(), value);
                    }
                }
                Ok(Some(Json::Object(evaluated)))
            }
            Value::Tagged(tagged) => {
                Err(place.unknown("intrinsic function", &tagged.tag.to_string()))
            }
        }
    }

    /// The string that `value` stands for. Numbers and truth values count, as in CloudFormation.
    pub(super) fn string(&self, value: &Value, place: &Place<'_>) -> Result<String, TemplateError> {
        self.optional_string(value, place)?
            .ok_or_else(|| place.must_be("a string, not AWS::NoValue"))
    }

    /// As [`Self::string`]; `None` is `AWS::NoValue`.
    pub(super) fn optional_string(
        &self,
        value: &Value,
        place: &Place<'_>,
    ) -> Result<Option<String>, TemplateError> {
        match self.evaluate(value, place)? {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(Json::Number(number)) => Ok(Some(number.to_string())),
            Some(Json::Bool(truth)) => Ok(Some(truth.to_string())),
            Some(_) => Err(place.must_be("a string")),
        }
    }

    /// The whole number that `value` stands for, as a number or as its digits.
    pub(super) fn integer(&self, value: &Value, place: &Place<'_>) -> Result<u64, TemplateError> {
        self.string(value, place)?
            .parse()
            .map_err(|_| place.must_be("a whole number"))
    }

    /// Whether the condition called `name` holds.
    pub(super) fn condition(&self, name: &str, place: &Place<'_>) -> Result<bool, TemplateError> {
        self.conditions
            .get(name)
            .copied()
            .ok_or_else(|| place.error(format!("there is no condition {name}")))
    }

    fn call(
        &self,
        name: &str,
        argument: &Value,
        place: &Place<'_>,
    ) -> Result<Option<Json>, TemplateError> {
        match name {
            "Ref" => {
                let target = argument
                    .as_str()
                    .ok_or_else(|| place.must_be("!Ref with a name"))?;
                if target == "AWS::NoValue" {
                    return Ok(None);
                }
                self.reference(target, place).map(string)
            }
            "GetAtt" => self.get_att(argument, place).map(string),
            "Sub" => self.sub(argument, place).map(string),
            "Join" => self.join(argument, place).map(string),
            "If" => {
                let (condition, then, otherwise) = match argument.as_sequence().map(Vec::as_slice) {
                    Some([Value::String(condition), then, otherwise]) => {
                        (condition, then, otherwise)
                    }
                    _ => return Err(place.must_be("!If with a condition's name and two values")),
                };
                let (chosen, index) = match self.condition(condition, place)? {
                    true => (then, 1),
                    false => (otherwise, 2),
                };
                self.evaluate(chosen, &place.index(index))
            }
            other => Err(place.unknown("intrinsic function", other)),
        }
    }

    fn reference(&self, target: &str, place: &Place<'_>) -> Result<String, TemplateError> {
        if let Some(value) = self.parameters.get(target) {
            return Ok(value.clone());
        }
        if let Some(value) = pseudo_parameter(target) {
            return Ok(value.to_owned());
        }
        match target.split_once('.') {
            // SAM's own: `!Ref Function.Alias` is the alias that AutoPublishAlias makes.
            Some((target, attribute)) => {
                self.resource(target, place)?
                    .attribute(attribute, self.endpoints, place)
            }
            None => self
                .resource(target, place)?
                .reference(self.endpoints, place),
        }
    }

    fn resource<'a>(
        &'a self,
        logical_id: &'a str,
        place: &Place<'_>,
    ) -> Result<Named<'a>, TemplateError> {
        match self.resources.get(logical_id) {
            Some(Some((kind, name))) => Ok(Named {
                kind: *kind,
                logical_id,
                name,
            }),
            Some(None) => Err(place.error(format!(
                "{logical_id} is left out of the local stack by its condition"
            ))),
            None => Err(place.error(format!(
                "{logical_id} is neither a parameter nor a resource of this template"
            ))),
        }
    }

    /// `!GetAtt Queue.Arn` or `Fn::GetAtt: [Queue, Arn]`.
    fn get_att(&self, argument: &Value, place: &Place<'_>) -> Result<String, TemplateError> {
        let (target, attribute) = match argument {
            Value::String(dotted) => dotted.split_once('.'),
            Value::Sequence(pair) => match pair.as_slice() {
                [Value::String(target), Value::String(attribute)] => {
                    Some((target.as_str(), attribute.as_str()))
                }
                _ => None,
            },
            _ => None,
        }
        .ok_or_else(|| place.must_be("!GetAtt with Resource.Attribute"))?;
        self.resource(target, place)?
            .attribute(attribute, self.endpoints, place)
    }

    /// `!Sub text` or `!Sub [text, {Name: value}]`; `${!Literal}` stays as `${Literal}`.
    fn sub(&self, argument: &Value, place: &Place<'_>) -> Result<String, TemplateError> {
        let mut own = BTreeMap::new();
        let pattern = match argument {
            Value::String(pattern) => pattern,
            Value::Sequence(pair) => match pair.as_slice() {
                [Value::String(pattern), variables] => {
                    let place = place.index(1);
                    for (name, value) in entries(variables, &place)? {
                        own.insert(name, self.string(value, &place.key(name))?);
                    }
                    pattern
                }
                _ => return Err(place.must_be("!Sub with a text and a mapping")),
            },
            _ => return Err(place.must_be("!Sub with a text")),
        };
        let mut out = String::with_capacity(pattern.len());
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| place.must_be("!Sub with every ${ closed"))?;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str("${");
                out.push_str(literal);
                out.push('}');
            } else if let Some(value) = own.get(name) {
                out.push_str(value);
            } else if let Some((target, attribute)) = name.split_once('.') {
                let resource = self.resource(target, place)?;
                out.push_str(&resource.attribute(attribute, self.endpoints, place)?);
            } else {
                out.push_str(&self.reference(name, place)?);
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// `!Join [separator, [values]]`.
    fn join(&self, argument: &Value, place: &Place<'_>) -> Result<String, TemplateError> {
        let Some([Value::String(separator), Value::Sequence(items)]) =
            argument.as_sequence().map(Vec::as_slice)
        else {
            return Err(place.must_be("!Join with a separator and a list"));
        };
        let place = place.index(1);
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            parts.extend(self.optional_string(item, &place.index(index))?);
        }
        Ok(parts.join(separator))
    }

    fn declared_condition(
        &self,
        name: &str,
        declared: &BTreeMap<&str, &Value>,
        asking: &mut Vec<String>,
    ) -> Result<bool, TemplateError> {
        let section = Place::section("Conditions");
        let place = section.key(name);
        if asking.iter().any(|one| one == name) {
            return Err(place.error(format!("the condition {name} depends on itself")));
        }
        let expression = declared
            .get(name)
            .ok_or_else(|| place.error(format!("there is no condition {name}")))?;
        asking.push(name.to_owned());
        let truth = self.truth(expression, &place, declared, asking)?;
        asking.pop();
        Ok(truth)
    }

    fn truth(
        &self,
        expression: &Value,
        place: &Place<'_>,
        declared: &BTreeMap<&str, &Value>,
        asking: &mut Vec<String>,
    ) -> Result<bool, TemplateError> {
        let call = match expression {
            // The long form of !Condition has no "Fn::".
            Value::Mapping(mapping) if mapping.len() == 1 => match mapping.get("Condition") {
                Some(argument) => Some(("Condition".to_owned(), argument)),
                None => intrinsic(expression),
            },
            _ => intrinsic(expression),
        };
        let Some((function, argument)) = call else {
            return Err(place.must_be("!Equals, !Not, !And, !Or or !Condition"));
        };
        if function == "Condition" {
            let name = argument
                .as_str()
                .ok_or_else(|| place.must_be("!Condition with a name"))?;
            return self.declared_condition(name, declared, asking);
        }
        let arguments = argument
            .as_sequence()
            .map(Vec::as_slice)
            .ok_or_else(|| place.must_be("a condition function with a list"))?;
        let mut truths = || -> Result<Vec<bool>, TemplateError> {
            arguments
                .iter()
                .enumerate()
                .map(|(index, one)| self.truth(one, &place.index(index), declared, asking))
                .collect()
        };
        match (function.as_str(), arguments) {
            ("Equals", [left, right]) => {
                let left = self.string(left, &place.index(0))?;
                Ok(left == self.string(right, &place.index(1))?)
            }
            ("Not", [_]) => Ok(truths()?.iter().all(|truth| !truth)),
            ("And", [_, _, ..]) => Ok(truths()?.iter().all(|truth| *truth)),
            ("Or", [_, _, ..]) => Ok(truths()?.iter().any(|truth| *truth)),
            ("Equals" | "Not" | "And" | "Or", _) => {
                Err(place.must_be("!Equals with two values, !Not with one, !And or !Or with more"))
            }
            (other, _) => Err(place.unknown("intrinsic function", other)),
        }
    }
}

fn string(text: String) -> Option<Json> {
    Some(Json::String(text))
}
