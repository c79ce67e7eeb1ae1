//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::error::{Place, TemplateError};
use super::evaluate::Evaluator;
use super::names::{Kind, name_in_arn};
use super::resource::Resource;
use super::yaml::{Whole, entries};

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
const DEFAULT_TIMEOUT_SECONDS: u64 = 3;
/// Lambda's own default memory size.
const DEFAULT_MEMORY_MB: u64 = 128;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    memory_size: Option<Whole>,
    timeout: Option<Whole>,
}

/// What matters on AWS only: packaging, permissions, scaling, logs, roll-out. The environment is read by itself.
const LEFT_OUT: [&str; 23] = [
    "Architectures",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeUri",
    "DeadLetterQueue",
    "DeploymentPreference",
    "Description",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "PackageType",
    "Policies",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Tags",
    "Tracing",
];

impl Function {
    /// Reads a function; `globals` is `Globals.Function`, which its own properties override.
    pub(super) fn read(
        resource: &Resource<'_>,
        globals: Option<&Value>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let own: Properties = resource.read(&LEFT_OUT, evaluator)?;
        let binary = resource
            .metadata(["BuildProperties", "Binary"])
            .and_then(Value::as_str)
            .ok_or_else(|| {
                resource.at_properties(|place| {
                    place.must_be("beside Metadata.BuildProperties.Binary, the name of a binary")
                })
            })?;
        let globals_place = Place::section("Globals");
        let globals_place = globals_place.key("Function");
        let mut environment = match globals {
            Some(globals) => environment(globals, evaluator, &globals_place)?,
            None => BTreeMap::new(),
        };
        environment.extend(resource.at_properties(|place| match resource.properties() {
            Some(properties) => self::environment(properties, evaluator, place),
            None => Ok(BTreeMap::new()),
        })?);
        let number = |own: Option<Whole>, key: &str, default| {
            let global = globals.and_then(|globals| globals.get(key));
            match (own, global) {
                (Some(own), _) => Ok(own.get()),
                (None, Some(global)) => evaluator.integer(global, &globals_place.key(key)),
                (None, None) => Ok(default),
            }
        };
        let memory_mb = number(own.memory_size, "MemorySize", DEFAULT_MEMORY_MB)?;
        let timeout = number(own.timeout, "Timeout", DEFAULT_TIMEOUT_SECONDS)?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            binary: binary.to_owned(),
            environment,
            timeout: Duration::from_secs(timeout),
            memory_mb: u32::try_from(memory_mb).unwrap_or(u32::MAX),
        })
    }
}

/// `Environment.Variables` of `properties`, which stand at `place`.
fn environment(
    properties: &Value,
    evaluator: &Evaluator<'_>,
    place: &Place<'_>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let place = place.key("Environment");
    let place = place.key("Variables");
    let variables = properties
        .get("Environment")
        .and_then(|environment| environment.get("Variables"));
    let mut environment = BTreeMap::new();
    if let Some(variables) = variables {
        for (name, value) in entries(variables, &place)? {
            if let Some(value) = evaluator.optional_string(value, &place.key(name))? {
                environment.insert(name.to_owned(), value);
            }
        }
    }
    Ok(environment)
}

/// The logical id of the function among `all` whose ARN is `arn`, is in `arn` with an alias, or is
/// in it as the path of an API Gateway integration.
pub(super) fn function_in_arn<'a>(arn: &str, all: &'a [Resource<'_>]) -> Option<&'a str> {
    let name = name_in_arn(arn, ":function:")?;
    all.iter()
        .find(|one| one.kind == Kind::Function && one.name == name)
        .map(|function| function.logical_id)
}
