//! `AWS::ApiGatewayV2::Route` and the integrations behind the routes.

use super::error::TemplateError;
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

    pub(super) fn read(route: &Resource<'_>, all: &[Resource<'_>]) -> Result<Self, TemplateError> {
        let properties = route.properties(&["RouteKey", "Target"])?;
        let (method, path) = properties
            .text("/RouteKey")
            .and_then(|key| key.split_once(' '))
            .filter(|(_, path)| path.starts_with('/'))
            .ok_or_else(|| route.must_be("RouteKey", "METHOD /path, such as GET /health"))?;
        let integration = properties
            .text("/Target")
            .and_then(|target| target.strip_prefix("integrations/"))
            .and_then(|id| all.iter().find(|one| one.logical_id == id))
            .filter(|one| one.kind == Kind::Integration)
            .ok_or_else(|| {
                let expected = "integrations/ and an integration of this template";
                route.must_be("Target", expected)
            })?;
        Ok(Self {
            path: path.to_owned(),
            method: method.to_owned(),
            function: function_of(integration)?,
        })
    }
}

fn function_of(integration: &Resource<'_>) -> Result<String, TemplateError> {
    let known = ["IntegrationType", "IntegrationUri", "PayloadFormatVersion"];
    let properties = integration.properties(&known)?;
    for (key, only) in [
        ("IntegrationType", "AWS_PROXY"),
        ("PayloadFormatVersion", "2.0"),
    ] {
        if properties.text(&format!("/{key}")) != Some(only) {
            return Err(integration.must_be(key, &format!("{only:?}")));
        }
    }
    integration.function_in("IntegrationUri", properties.text("/IntegrationUri"))
}
