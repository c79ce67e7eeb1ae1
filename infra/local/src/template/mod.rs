//! Reading `template.yaml`, so that the local cloud repeats nothing of it.
//!
//! [`Stack::read`] gives the parameters their local values, evaluates conditions and intrinsic functions, and comes
//! back with what one machine needs. A property or function that it does not know is an error that names its place in
//! the template; a resource type that it does not know is left out, with a warning. What only a deployment needs
//! (`Rules`, `Mappings`, `Outputs`, policies, alarms) is not evaluated.

mod error;
mod evaluate;
pub(crate) mod event_sources;
mod functions;
mod names;
mod parameters;
mod queues;
mod resource;
mod routes;
mod schedules;
mod secrets;
pub(crate) mod stream_filter;
mod tables;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;

pub(crate) use error::{TemplateError, resource_fault};
pub use event_sources::EventSource;
pub(crate) use event_sources::StreamSource;
pub use functions::Function;
pub(crate) use names::{Endpoints, LOCAL_ACCOUNT, LOCAL_REGION, arn, queue_url, stream_arn};
pub use queues::Queue;
pub use routes::Route;
pub use schedules::Schedule;
pub(crate) use secrets::{Secret, resolve_secrets};
pub(crate) use tables::Table;

use error::Place;
use evaluate::Evaluator;
use event_sources::Source;
use names::Kind;
use resource::Resource;

/// The deployment's template, the one that `sam deploy` takes.
pub const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// What the template comes to on one machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stack {
    /// The tables, by their logical ids, as is everything here.
    pub(crate) tables: Vec<Table>,
    /// The queues, dead-letter queues included.
    pub queues: Vec<Queue>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The queues that invoke functions.
    pub event_sources: Vec<EventSource>,
    /// The schedules that invoke functions.
    pub schedules: Vec<Schedule>,
    /// The tables whose streams invoke functions.
    pub(crate) stream_sources: Vec<StreamSource>,
    /// The names of the event buses.
    pub event_buses: Vec<String>,
    /// The routes of the HTTP API.
    pub routes: Vec<Route>,
    /// The secrets that the functions' environments refer to.
    pub(crate) secrets: Vec<Secret>,
}

impl Stack {
    /// Reads `template` with the local values of its `parameters` (every one without a default must
    /// be among them) and with the `endpoints` that its resources are reached at.
    ///
    /// # Errors
    /// The first place in the template that the local cloud cannot carry out.
    pub(crate) fn read(
        template: &str,
        parameters: &BTreeMap<String, String>,
        endpoints: &Endpoints,
    ) -> Result<Self, TemplateError> {
        let root = yaml::read(template)?;
        let parameters = parameters::values(&root, parameters)?;
        let mut evaluator = Evaluator::new(&root, parameters, endpoints)?;
        let section = Place::section("Resources");
        let declared = root
            .get("Resources")
            .ok_or_else(|| section.must_be("a mapping of resources"))?;
        let declared = yaml::entries(declared, &section)?;
        resource::declare(declared, &mut evaluator)?;
        let resources: Vec<Resource<'_>> = declared
            .iter()
            .filter_map(|(logical_id, value)| Resource::of(logical_id, value, &evaluator))
            .collect();
        let globals = root.pointer("/Globals/Function");
        let mut stack = Self::default();
        for resource in &resources {
            match resource.kind {
                Kind::Table => stack.tables.push(Table::read(resource)?),
                Kind::Queue => stack.queues.push(Queue::read(resource)?),
                Kind::Function => stack.functions.push(Function::read(resource, globals)?),
                Kind::EventSource => match Source::read(resource)? {
                    Source::Queue(source) => stack.event_sources.push(source),
                    Source::Stream(source) => stack.stream_sources.push(source),
                },
                Kind::Schedule => stack.schedules.push(Schedule::read(resource)?),
                Kind::EventBus => stack.event_buses.push(resource.name.to_owned()),
                Kind::Route => stack.routes.push(Route::read(resource, &resources)?),
                Kind::Secret => stack.secrets.push(Secret::read(resource)?),
                // An integration is read where a route leads to it; the API has only its routes.
                Kind::Api | Kind::Integration | Kind::LeftOut => {}
            }
        }
        Ok(stack)
    }

    /// The function with this logical id.
    pub(crate) fn function(&self, logical_id: &str) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.logical_id == logical_id)
    }
}
