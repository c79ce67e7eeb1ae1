//! `AWS::ApiGatewayV2::Route` and the integrations behind the routes.

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

impl Route {
    /// The path as axum's router knows it: `{name+}` is `{*name}` there.
    #[must_use]
    pub fn axum_path(&self) -> String {
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
        route.only(
            &["ApiId", "RouteKey", "Target"],
            &["AuthorizationType", "OperationName"],
        )?;
        let key = route.string("RouteKey", evaluator)?;
        let (method, path) = key
            .split_once(' ')
            .filter(|(_, path)| path.starts_with('/'))
            .ok_or_else(|| {
                route.at_properties(|place| {
                    place
                        .key("RouteKey")
                        .must_be("METHOD /path, such as GET /health")
                })
            })?;
        let target = route.string("Target", evaluator)?;
        let integration = target
            .strip_prefix("integrations/")
            .and_then(|id| all.iter().find(|one| one.logical_id == id))
            .filter(|one| one.kind == Kind::Integration)
            .ok_or_else(|| {
                route.at_properties(|place| {
                    place
                        .key("Target")
                        .must_be("integrations/ and an integration of this template")
                })
            })?;
        Ok(Self {
            path: path.to_owned(),
            method: method.to_owned(),
            function: function_of(integration, all, evaluator)?,
        })
    }
}

fn function_of(
    integration: &Resource<'_>,
    all: &[Resource<'_>],
    evaluator: &Evaluator<'_>,
) -> Result<String, TemplateError> {
    integration.only(
        &[
            "ApiId",
            "IntegrationType",
            "IntegrationUri",
            "PayloadFormatVersion",
        ],
        &[
            "ConnectionType",
            "Description",
            "IntegrationMethod",
            "TimeoutInMillis",
        ],
    )?;
    if integration.string("IntegrationType", evaluator)? != "AWS_PROXY" {
        return Err(
            integration.at_properties(|place| place.key("IntegrationType").must_be("AWS_PROXY"))
        );
    }
    if integration.string("PayloadFormatVersion", evaluator)? != "2.0" {
        return Err(
            integration.at_properties(|place| place.key("PayloadFormatVersion").must_be("\"2.0\""))
        );
    }
    let uri = integration.string("IntegrationUri", evaluator)?;
    function_in_arn(&uri, all)
        .map(str::to_owned)
        .ok_or_else(|| {
            integration.at_properties(|place| {
                place
                    .key("IntegrationUri")
                    .must_be("the ARN of a function of this template")
            })
        })
}
