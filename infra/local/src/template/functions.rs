//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value as Json;

use super::error::{Place, TemplateError};
use super::resource::{Properties, Resource};

/// A function to run.
#[derive(Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// The binary that is deployed, which is also the name of its crate.
    pub binary: String,
    /// Its environment as the template sets it. A dynamic reference to a secret is still in it.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// How much memory it has, in MB.
    pub memory_mb: u32,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parameters that are secrets end in the environment.
        f.debug_struct("Function")
            .field("logical_id", &self.logical_id)
            .field("binary", &self.binary)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

/// Lambda's own default time-out.
const DEFAULT_TIMEOUT_SECONDS: i64 = 3;
/// Lambda's own default memory size.
const DEFAULT_MEMORY_MB: i64 = 128;

const KNOWN: [&str; 3] = ["Environment", "MemorySize", "Timeout"];

impl Function {
    /// Reads a function; `globals` is `Globals.Function`, which its own properties override.
    pub(super) fn read(
        resource: &Resource<'_>,
        globals: Option<&Json>,
    ) -> Result<Self, TemplateError> {
        let own = resource.properties(&KNOWN)?;
        let place = Place::section("Globals").key("Function");
        let globals = Properties::evaluate(globals, &KNOWN, place, resource.evaluator)?;
        let binary = resource
            .declaration
            .pointer("/Metadata/BuildProperties/Binary")
            .and_then(Json::as_str)
            .ok_or_else(|| {
                let expected = "beside Metadata.BuildProperties.Binary, the name of a binary";
                resource.place().must_be(expected)
            })?;
        let mut environment = BTreeMap::new();
        for properties in [&globals, &own] {
            environment.extend(properties.texts("/Environment/Variables")?);
        }
        let number = |pointer, default| {
            let number = own.number(pointer)?.or(globals.number(pointer)?);
            Ok(number.unwrap_or(default).unsigned_abs())
        };
        let memory_mb = number("/MemorySize", DEFAULT_MEMORY_MB)?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            binary: binary.to_owned(),
            environment,
            timeout: Duration::from_secs(number("/Timeout", DEFAULT_TIMEOUT_SECONDS)?),
            memory_mb: u32::try_from(memory_mb).unwrap_or(u32::MAX),
        })
    }
}
