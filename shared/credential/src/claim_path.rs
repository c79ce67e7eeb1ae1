//! Paths to claims.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

/// A claims path pointer (OpenID4VCI 1.0 App. C), as an array of segments:
/// `["address", "locality"]` is a member of an object, `["nationalities", null]` is every element
/// of an array.
///
/// Numeric segments, which select one element, are refused: a template holds for claims of any length.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<PathSegment>")]
pub struct ClaimPath(Vec<PathSegment>);

/// One step of a [`ClaimPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathSegment {
    /// The member of an object; a string in JSON.
    Member(String),
    /// Every element of an array; `null` in JSON.
    Elements,
}

/// The first segment of a path does not name a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a claim path must begin with the name of a claim")]
pub struct ClaimPathError;

impl ClaimPath {
    /// The path to a claim at the top level.
    pub fn claim(name: impl Into<String>) -> Self {
        Self(vec![PathSegment::Member(name.into())])
    }

    /// The segments; there is at least one.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }
}

impl TryFrom<Vec<PathSegment>> for ClaimPath {
    type Error = ClaimPathError;

    fn try_from(segments: Vec<PathSegment>) -> Result<Self, ClaimPathError> {
        match segments.first() {
            Some(PathSegment::Member(_)) => Ok(Self(segments)),
            _ => Err(ClaimPathError),
        }
    }
}

impl fmt::Display for ClaimPath {
    /// Writes the path as in JSON: `["nationalities",null]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json!(self).fmt(f)
    }
}
