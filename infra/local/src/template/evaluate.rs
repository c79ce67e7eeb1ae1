//! Conditions and intrinsic functions: a template's value in, the value that it stands for out.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::error::{Place, TemplateError};
use super::names::{Endpoints, Named, pseudo_parameter};
use super::yaml::{entries, intrinsic, text};

/// Evaluates values of one template with fixed parameters.
#[derive(Debug)]
pub(super) struct Evaluator<'t> {
    parameters: BTreeMap<String, String>,
    conditions: BTreeMap<&'t str, &'t Json>,
    /// The conditions that are being decided, each because of the one before.
    asking: RefCell<Vec<String>>,
    /// Every resource of the template by logical id; `None` for one that its condition leaves out.
    pub(super) resources: BTreeMap<&'t str, Option<Named>>,
    endpoints: &'t Endpoints,
}

impl<'t> Evaluator<'t> {
    /// An evaluator that knows parameters and conditions, but no resource yet.
    pub(super) fn new(
        root: &'t Json,
        parameters: BTreeMap<String, String>,
        endpoints: &'t Endpoints,
    ) -> Result<Self, TemplateError> {
        let mut evaluator = Self {
            parameters,
            conditions: BTreeMap::new(),
            asking: RefCell::default(),
            resources: BTreeMap::new(),
            endpoints,
        };
        if let Some(section) = root.get("Conditions") {
            let place = Place::section("Conditions");
            for (name, expression) in entries(section, &place)? {
                evaluator.conditions.insert(name, expression);
            }
            for name in evaluator.conditions.keys() {
                evaluator.condition(name, &place)?;
            }
        }
        Ok(evaluator)
    }

    /// The value that `value` stands for; `None` is `AWS::NoValue`, which takes what holds it away.
    pub(super) fn evaluate(
        &self,
        value: &Json,
        place: &Place,
    ) -> Result<Option<Json>, TemplateError> {
        if let Some((name, argument)) = intrinsic(value) {
            return self.call(name, argument, place);
        }
        Ok(Some(match value {
            Json::Array(items) => {
                let mut evaluated = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    evaluated.extend(self.evaluate(item, &place.index(index))?);
                }
                Json::Array(evaluated)
            }
            Json::Object(members) => {
                let mut evaluated = Map::new();
                for (key, value) in members {
                    if let Some(value) = self.evaluate(value, &place.key(key))? {
                        evaluated.insert(key.clone(), value);
                    }
                }
                Json::Object(evaluated)
            }
            scalar => scalar.clone(),
        }))
    }

    /// The string that `value` stands for. Numbers and truth values count, as in CloudFormation.
    pub(super) fn string(&self, value: &Json, place: &Place) -> Result<String, TemplateError> {
        let value = self.evaluate(value, place)?;
        let value = value.ok_or_else(|| place.must_be("a string, not AWS::NoValue"))?;
        text(&value).ok_or_else(|| place.must_be("a string"))
    }

    /// Whether the condition called `name` holds.
    pub(super) fn condition(&self, name: &str, place: &Place) -> Result<bool, TemplateError> {
        let expression = self
            .conditions
            .get(name)
            .ok_or_else(|| place.error(format!("there is no condition {name}")))?;
        let place = Place::section("Conditions").key(name);
        if self.asking.borrow().iter().any(|one| one == name) {
            return Err(place.error(format!("the condition {name} depends on itself")));
        }
        self.asking.borrow_mut().push(name.to_owned());
        let truth = self.truth(expression, &place)?;
        self.asking.borrow_mut().pop();
        Ok(truth)
    }

    fn truth(&self, expression: &Json, place: &Place) -> Result<bool, TemplateError> {
        match self.evaluate(expression, place)? {
            Some(Json::Bool(truth)) => Ok(truth),
            _ => Err(place.must_be("!Equals, !Not, !And, !Or or !Condition")),
        }
    }

    fn call(
        &self,
        name: &str,
        argument: &Json,
        place: &Place,
    ) -> Result<Option<Json>, TemplateError> {
        let arguments = argument.as_array().map_or(&[][..], Vec::as_slice);
        Ok(Some(match (name, argument, arguments) {
            ("Ref", Json::String(target), _) if target == "AWS::NoValue" => return Ok(None),
            ("Ref", Json::String(target), _) => self.reference(target, place)?.into(),
            ("GetAtt", Json::String(dotted), _) if dotted.contains('.') => {
                self.reference(dotted, place)?.into()
            }
            ("GetAtt", _, [Json::String(target), Json::String(attribute)]) => self
                .reference(&format!("{target}.{attribute}"), place)?
                .into(),
            ("Sub", Json::String(pattern), _) => {
                self.substitute(pattern, &BTreeMap::new(), place)?.into()
            }
            ("Sub", _, [Json::String(pattern), variables]) => {
                let of_variables = place.index(1);
                let mut own = BTreeMap::new();
                for (name, value) in entries(variables, &of_variables)? {
                    own.insert(name.as_str(), self.string(value, &of_variables.key(name))?);
                }
                self.substitute(pattern, &own, place)?.into()
            }
            ("Join", _, [Json::String(separator), Json::Array(items)]) => {
                let place = place.index(1);
                let mut parts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let place = place.index(index);
                    if let Some(part) = self.evaluate(item, &place)? {
                        parts.push(text(&part).ok_or_else(|| place.must_be("a string"))?);
                    }
                }
                parts.join(separator).into()
            }
            ("If", _, [Json::String(condition), then, otherwise]) => {
                let (chosen, index) = match self.condition(condition, place)? {
                    true => (then, 1),
                    false => (otherwise, 2),
                };
                return self.evaluate(chosen, &place.index(index));
            }
            ("Condition", Json::String(name), _) => self.condition(name, place)?.into(),
            ("Equals", _, [left, right]) => {
                let left = self.string(left, &place.index(0))?;
                (left == self.string(right, &place.index(1))?).into()
            }
            ("Not", _, [one]) => (!self.truth(one, &place.index(0))?).into(),
            ("And" | "Or", _, [_, _, ..]) => {
                let truths = arguments.iter().enumerate();
                let truths = truths.map(|(index, one)| self.truth(one, &place.index(index)));
                let truths: Vec<bool> = truths.collect::<Result<_, _>>()?;
                match name {
                    "And" => !truths.contains(&false),
                    _ => truths.contains(&true),
                }
                .into()
            }
            _ => return Err(misused(name, place)),
        }))
    }

    /// What `!Ref Target`, `!GetAtt Target.Attribute` and both within `!Sub` stand for. `!Ref Function.Alias` is SAM's
    /// own: the alias that `AutoPublishAlias` makes.
    fn reference(&self, target: &str, place: &Place) -> Result<String, TemplateError> {
        if let Some(value) = self.parameters.get(target) {
            return Ok(value.clone());
        }
        if let Some(value) = pseudo_parameter(target) {
            return Ok(value.to_owned());
        }
        let (logical_id, attribute) = match target.split_once('.') {
            Some((logical_id, attribute)) => (logical_id, Some(attribute)),
            None => (target, None),
        };
        let value = match self.resources.get(logical_id) {
            Some(Some(resource)) => match attribute {
                Some(attribute) => resource.attribute(attribute, self.endpoints),
                None => resource.reference(self.endpoints),
            },
            Some(None) => {
                return Err(place.error(format!(
                    "{logical_id} is left out of the local stack by its condition"
                )));
            }
            None => {
                return Err(place.error(format!(
                    "{logical_id} is neither a parameter nor a resource of this template"
                )));
            }
        };
        value.ok_or_else(|| {
            place.error(format!(
                "{target} has no value in the local cloud; choose another by a condition"
            ))
        })
    }

    /// `${Name}` replaced by its value, of `own` if it is there; `${!Literal}` stays as `${Literal}`.
    fn substitute(
        &self,
        pattern: &str,
        own: &BTreeMap<&str, String>,
        place: &Place,
    ) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| place.must_be("!Sub with every ${ closed"))?;
            match (name.strip_prefix('!'), own.get(name)) {
                (Some(literal), _) => out.push_str(&format!("${{{literal}}}")),
                (None, Some(value)) => out.push_str(value),
                (None, None) => out.push_str(&self.reference(name, place)?),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn misused(name: &str, place: &Place) -> TemplateError {
    place.must_be(match name {
        "Ref" => "!Ref with a name",
        "GetAtt" => "!GetAtt with Resource.Attribute",
        "Sub" => "!Sub with a text, and a mapping if need be",
        "Join" => "!Join with a separator and a list",
        "If" => "!If with a condition's name and two values",
        "Condition" => "!Condition with a name",
        "Equals" => "!Equals with two values",
        "Not" => "!Not with one condition",
        "And" | "Or" => "!And or !Or with two conditions or more",
        _ => return place.unknown("intrinsic function", name),
    })
}
