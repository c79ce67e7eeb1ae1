//! What can be wrong with a template, and where.

use std::fmt;

/// A place in the template, from the root down; built on the stack while a value is walked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// A top-level section, such as `Resources`.
    pub(super) fn section(name: &'a str) -> Self {
        Self {
            parent: None,
            step: Step::Key(name),
        }
    }

    /// The value under `key` of the mapping at this place.
    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// The item at `index` of the sequence at this place.
    pub(super) fn index(&'a self, index: usize) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    /// An error about the value at this place.
    pub(super) fn error(&self, fault: Fault) -> TemplateError {
        TemplateError {
            path: self.to_string(),
            fault,
        }
    }

    /// The error for a value of the wrong shape; `expected` completes "must be …".
    pub(super) fn must_be(&self, expected: &'static str) -> TemplateError {
        self.error(Fault::Shape { expected })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.parent.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A template that the local cloud cannot carry out, and where in it the trouble is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template.yaml: {path}: {fault}")]
pub struct TemplateError {
    /// Where: `Resources.PollQueue.Properties.RedrivePolicy`.
    pub path: String,
    /// What.
    pub fault: Fault,
}

/// The kinds of trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is not YAML.
    #[error("is not YAML: {0}")]
    Syntax(String),
    /// A value of the wrong shape, or none at all.
    #[error("must be {expected}")]
    Shape {
        /// Completes "must be …".
        expected: &'static str,
    },
    /// An intrinsic function that the local cloud does not evaluate.
    #[error("the intrinsic function {0} is not known to the local cloud")]
    UnknownIntrinsic(String),
    /// A property that the local cloud neither carries out nor knows to leave out, one that is missing, or one of
    /// the wrong shape.
    #[error("cannot be carried out by the local cloud: {0}")]
    Properties(String),
    /// A parameter type whose values the local cloud cannot make.
    #[error("the parameter type {0} is not known to the local cloud")]
    UnknownParameterType(String),
    /// `!Ref`, `!GetAtt` or `!Sub` of a name that is neither parameter nor resource.
    #[error("{0} is neither a parameter nor a resource of this template")]
    UnknownName(String),
    /// A resource whose own condition is false is referred to.
    #[error("{0} is left out of the local stack by its condition")]
    LeftOut(String),
    /// A resource or attribute that has no value locally.
    #[error("{0} has no value in the local cloud; choose another by a condition")]
    NoLocalValue(String),
    /// `!If` or `!Condition` with a name that the section `Conditions` lacks.
    #[error("there is no condition {0}")]
    UnknownCondition(String),
    /// A condition that needs itself.
    #[error("the condition {0} depends on itself")]
    CircularCondition(String),
    /// A parameter without default and without a value.
    #[error("the parameter has no default and the local cloud gives it no value")]
    MissingParameter,
    /// A value was given for a parameter that the template lacks.
    #[error("the local cloud gives this parameter a value, but the template does not declare it")]
    UndeclaredParameter,
    /// A parameter's value is not among its allowed ones.
    #[error("the value {0:?} is not among AllowedValues")]
    ValueNotAllowed(String),
}
