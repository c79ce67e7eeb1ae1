//! Reads the members of a JSON object leniently, and notes every fault rather than the first.
//!
//! `null` and `""` count as absent, as forms send both. Numbers may be strings of numbers `[d]`.

use crate::{FieldError, Problem, correlation_id::is_printable};
use serde_json::{Map, Value};
use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

/// The members of one object of a request body, and where it stands in that body.
pub(crate) struct Fields<'f> {
    members: Map<String, Value>,
    pointer: String,
    faults: &'f mut Vec<FieldError>,
}

impl<'f> Fields<'f> {
    /// The members of a whole body.
    ///
    /// # Errors
    /// 400 if the body is not JSON, or not an object.
    pub(crate) fn of_body(body: &[u8], faults: &'f mut Vec<FieldError>) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        let Value::Object(members) = value else {
            let reason = format!("is {}: send a JSON object", kind_of(&value));
            return Err(Problem::invalid_body(vec![FieldError::new("", reason)]));
        };
        Ok(Self {
            members,
            pointer: String::new(),
            faults,
        })
    }

    /// How many faults were noted in the body so far.
    pub(crate) fn fault_count(&self) -> usize {
        self.faults.len()
    }

    /// Notes that the member `name` is wrong.
    pub(crate) fn fault(&mut self, name: &str, reason: impl Into<String>) {
        let pointer = format!("{}/{name}", self.pointer);
        self.faults.push(FieldError::new(pointer, reason));
    }

    /// Notes that the member `name` is wrong, and has no value.
    pub(crate) fn refuse<T>(&mut self, name: &str, reason: impl Into<String>) -> Option<T> {
        self.fault(name, reason);
        None
    }

    /// Takes over faults that were found elsewhere.
    pub(crate) fn add_faults(&mut self, faults: Vec<FieldError>) {
        self.faults.extend(faults);
    }

    /// The member as it is, if it was sent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members
            .remove(name)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A text, if it was sent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.refuse(name, format!("is {}: give a string", kind_of(&other))),
        }
    }

    /// A printable text of at most `max_bytes` bytes, if it was sent.
    pub(crate) fn short_text(&mut self, name: &str, max_bytes: usize) -> Option<String> {
        let text = self.text(name)?;
        let length = text.len();
        if length > max_bytes {
            let reason = format!("is {length} bytes long: at most {max_bytes} bytes are allowed");
            return self.refuse(name, reason);
        }
        if !text.chars().all(is_printable) {
            let reason = "has a character that cannot be printed: use printable text";
            return self.refuse(name, reason);
        }
        Some(text)
    }

    /// A text that is a `T`, if it was sent. The error of `T` is the reason of a fault.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let parsed = self.text(name)?.parse();
        parsed.map_or_else(|reason: T::Err| self.refuse(name, reason.to_string()), Some)
    }

    /// One of the names of `T`, which `wanted` lists, if it was sent.
    pub(crate) fn name<T: FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let found = self.text(name)?.parse().ok();
        found.or_else(|| self.refuse(name, format!("is not known: {wanted}")))
    }

    /// A whole number, or a string of one, if it was sent.
    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(name)?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse::<f64>().ok(),
            _ => None,
        };
        let (low, high) = (*range.start(), *range.end());
        let wanted = format!("give a whole number from {low} to {high}");
        let Some(number) = number.filter(|number| number.is_finite()) else {
            return self.refuse(name, format!("is {}: {wanted}", kind_of(&value)));
        };
        let is_whole = number.fract() == 0.0;
        if !is_whole || !(f64::from(low)..=f64::from(high)).contains(&number) {
            return self.refuse(name, format!("is {number}: {wanted}"));
        }
        // Exact: a whole number between two u32.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(number as u32)
    }

    /// An object, if it was sent; its faults are noted in the same list.
    pub(crate) fn object(&mut self, name: &str) -> Option<Fields<'_>> {
        match self.take(name)? {
            Value::Object(members) => Some(Fields {
                members,
                pointer: format!("{}/{name}", self.pointer),
                faults: self.faults,
            }),
            other => self.refuse(name, format!("is {}: give an object", kind_of(&other))),
        }
    }

    /// What `read` makes of a member that must be there. That it is missing is a fault, unless `read`
    /// has noted another.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let faults_before = self.fault_count();
        let value = read(self);
        if value.is_none() && self.fault_count() == faults_before {
            return self.refuse(name, format!("is missing: {wanted}"));
        }
        value
    }
}

/// A JSON value's kind, for a reason; never the value itself, which may be a claim's.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Problem::invalid_request("The body is empty: send a JSON object.");
    }
    // serde_json's syntax errors name a position and what was expected there, never the input.
    Problem::invalid_request(format!("The body is not valid JSON: {error}."))
}
