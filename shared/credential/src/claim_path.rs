//! Paths to claims.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A claims path pointer (OpenID4VCI 1.0 App. C), as an array of segments:
/// `["address", "locality"]` is a member of an object, `["nationalities", null]` is every element
/// of an array.
///
/// The numeric segments of the specification, which select one element, are refused: what a
/// template says must not depend on how many elements a claim happens to have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClaimPath(Vec<PathSegment>);

/// One step of a [`ClaimPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathSegment {
    /// The member of an object; a string in JSON.
    Member(String),
    /// Every element of an array; `null` in JSON.
    Elements,
}

/// Why JSON is not a claim path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimPathError {
    /// Not an array with at least one segment.
    #[error("a claim path must be an array of at least one segment")]
    Empty,
    /// The first segment must name a claim.
    #[error("a claim path must begin with the name of a claim")]
    FirstSegment,
    /// A segment is neither a string nor null.
    #[error("a segment of a claim path must be a string or null")]
    Segment,
}

impl ClaimPath {
    /// Makes a path of segments. The first must name a claim.
    pub fn new(segments: Vec<PathSegment>) -> Result<Self, ClaimPathError> {
        match segments.first() {
            None => Err(ClaimPathError::Empty),
            Some(PathSegment::Elements) => Err(ClaimPathError::FirstSegment),
            Some(PathSegment::Member(_)) => Ok(Self(segments)),
        }
    }

    /// The path to a claim at the top level.
    pub fn claim(name: impl Into<String>) -> Self {
        Self(vec![PathSegment::Member(name.into())])
    }

    /// Reads a path from JSON: an array of strings and nulls.
    pub fn from_json(path: &Value) -> Result<Self, ClaimPathError> {
        let segments = path.as_array().ok_or(ClaimPathError::Empty)?;
        let segments = segments.iter().map(|segment| match segment {
            Value::String(name) => Ok(PathSegment::Member(name.clone())),
            Value::Null => Ok(PathSegment::Elements),
            _ => Err(ClaimPathError::Segment),
        });
        Self::new(segments.collect::<Result<_, _>>()?)
    }

    /// The segments; there is at least one.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }
}

impl fmt::Display for ClaimPath {
    /// Writes the path as in JSON: `["nationalities",null]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.0.iter().map(|segment| match segment {
            PathSegment::Member(name) => Value::from(name.as_str()),
            PathSegment::Elements => Value::Null,
        });
        write!(f, "{}", Value::from_iter(segments))
    }
}

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for PathSegment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Member(name) => serializer.serialize_str(name),
            Self::Elements => serializer.serialize_unit(),
        }
    }
}
