//! What can be wrong with a template, and where.

/// A place in the template, such as `Resources.PollQueue.Properties`.
#[derive(Debug, Clone)]
pub(super) struct Place(String);

impl Place {
    /// A top-level section, such as `Resources`.
    pub(super) fn section(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The value under `key` of the mapping at this place.
    pub(super) fn key(&self, key: &str) -> Self {
        Self(format!("{}.{key}", self.0))
    }

    /// The item at `index` of the sequence at this place.
    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// An error about the value at this place; `reason` goes on after it.
    pub(super) fn error(&self, reason: impl Into<String>) -> TemplateError {
        TemplateError {
            path: self.0.clone(),
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

/// An error about the resource with this logical id.
pub(crate) fn resource_fault(logical_id: &str, reason: impl Into<String>) -> TemplateError {
    Place::section("Resources").key(logical_id).error(reason)
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
