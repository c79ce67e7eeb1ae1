//! `AWS::ApiGatewayV2::Route` and the integrations behind the routes.

use serde::Deserialize;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::names::Kind;
use super::resource::Resource;

/// A route of the HTTP API, and the function that answers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path with its `{parameters}`: `/api/v2/issue/{correlation_id}`, or `/wallet/{proxy+}` for all below.
    pub path: String,
    /// `GET`, or `ANY` for every method.
    pub method: String,
    /// The logical id of the function.
    pub function: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    route_key: String,
    target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Integration {
    integration_type: String,
    integration_uri: String,
    payload_format_version: String,
}

impl Route {
    /// The path as the crate matchit knows it, which cargo lambda routes with: `{name+}` is `{*name}` there.
    pub(crate) fn matchit_path(&self) -> String {
        match self
            .path
            .strip_suffix("+}")
            .and_then(|path| path.rsplit_once('{'))
        {
            Some((above, name)) => format!("{above}{{*{name}}}"),
            None => self.path.clone(),
        }
    }

    pub(super) fn read(
        route: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let left_out = ["ApiId", "AuthorizationType", "OperationName"];
        let Properties { route_key, target } = route.read(&left_out, evaluator)?;
        let (method, path) = route_key
            .split_once(' ')
            .filter(|(_, path)| path.starts_with('/'))
            .ok_or_else(|| route.must_be("RouteKey", "METHOD /path, such as GET /health"))?;
        let integration = target
            .strip_prefix("integrations/")
            .and_then(|id| all.iter().find(|one| one.logical_id == id))
            .filter(|one| one.kind == Kind::Integration)
            .ok_or_else(|| {
                route.must_be(
                    "Target",
                    "integrations/ and an integration of this template",
                )
            })?;
        Ok(Self {
            path: path.to_owned(),
            method: method.to_owned(),
            function: function_of(integration, all, evaluator)?,
        })
    }
}

fn function_of(
    resource: &Resource<'_>,
    all: &[Resource<'_>],
    evaluator: &Evaluator<'_>,
) -> Result<String, TemplateError> {
    let left_out = [
        "ApiId",
        "ConnectionType",
        "Description",
        "IntegrationMethod",
        "TimeoutInMillis",
    ];
    let integration: Integration = resource.read(&left_out, evaluator)?;
    if integration.integration_type != "AWS_PROXY" {
        return Err(resource.must_be("IntegrationType", "AWS_PROXY"));
    }
    if integration.payload_format_version != "2.0" {
        return Err(resource.must_be("PayloadFormatVersion", "\"2.0\""));
    }
    let function = function_in_arn(&integration.integration_uri, all).map(str::to_owned);
    let expected = "the ARN of a function of this template";
    function.ok_or_else(|| resource.must_be("IntegrationUri", expected))
}
