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

    /// An error about the value at this place; `reason` goes on after it.
    pub(super) fn error(&self, reason: impl Into<String>) -> TemplateError {
        TemplateError {
            path: self.to_string(),
            reason: reason.into(),
        }
    }

    /// The error for a value of the wrong shape; `expected` completes "must be …".
    pub(super) fn must_be(&self, expected: &str) -> TemplateError {
        self.error(format!("must be {expected}"))
    }

    /// The error for something that the local cloud does not know.
    pub(super) fn unknown(&self, what: &str, name: &str) -> TemplateError {
        self.error(format!("the {what} {name} is not known to the local cloud"))
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
#[error("template.yaml: {path}: {reason}")]
pub struct TemplateError {
    /// Where: `Resources.PollQueue.Properties.RedrivePolicy`.
    pub path: String,
    /// What is wrong, as the end of a sentence.
    pub reason: String,
}
