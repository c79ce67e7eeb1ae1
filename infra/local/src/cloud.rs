//! Starting everything, in order. [`RunningCloud::shutdown`] stops it in the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use crate::StartError;
use crate::access_keys;
use crate::data::data_dir::DataDir;
use crate::data::identity::Identity;
use crate::data::secrets::Secrets;
use crate::emulators::event_bus::EventBuses;
use crate::emulators::listeners::listen;
use crate::emulators::services::Emulators;
use crate::events::Events;
use crate::gateway::dispatch::Gateway;
use crate::gateway::route_table::RouteTable;
use crate::lambda::environment::{self, AwsEndpoints};
use crate::lambda::host::{self, FunctionHost, RunningFunction, Target};
use crate::options::{DEFAULT_WEBHOOK_SECRET, Options, is_loopback, without_slash};
use crate::running_cloud::RunningCloud;
use crate::stop::Tasks;
use crate::template::{Endpoints, Stack, TEMPLATE, resource_fault};
use crate::triggers::checkpoints::Checkpoints;
use crate::triggers::event_loop::EventLoop;
use crate::triggers::schedule_loop::ScheduleLoop;
use crate::triggers::stream_loop::StreamLoop;

/// The value of the template's parameter `Release`, which has no default because each deployment must
/// choose a new one.
const RELEASE: &str = "localcloud";

/// Where callbacks may always go.
const THIS_MACHINE: &str = "127.0.0.1,::1,localhost";

/// The local cloud, to be started.
#[derive(Debug)]
pub struct LocalCloud;

impl LocalCloud {
    /// Starts everything. When this returns, every route is served.
    ///
    /// # Errors
    /// [`StartError`], whose message says what to do. Nothing is left running.
    pub async fn start(options: Options) -> Result<RunningCloud, StartError> {
        let chosen_url = options.checked_public_url()?;
        bestow_bundled_wallet::config::check_templates().map_err(StartError::IssueTemplate)?;
        let data = Arc::new(match &options.data_dir {
            None => DataDir::Memory,
            Some(path) => DataDir::open(path)?,
        });
        // Before anything else is done: a port that is taken stops the start early.
        let (api, own_url) = listen(options.port, "--port").await?;
        let (dynamodb, dynamodb_url) = listen(options.dynamodb_port, "--dynamodb-port").await?;
        let (sqs, sqs_url) = listen(options.sqs_port, "--sqs-port").await?;
        let (eventbridge, eventbridge_url) =
            listen(options.eventbridge_port, "--eventbridge-port").await?;
        let base_url = match &options.functions {
            FunctionHost::InvokeApi { endpoint } => endpoint.clone(),
            _ => own_url.clone(),
        };
        let aws = AwsEndpoints {
            dynamodb: dynamodb_url,
            sqs: sqs_url,
            eventbridge: eventbridge_url,
        };
        let public_url = chosen_url.as_ref().map_or(base_url.clone(), without_slash);

        let identity = identity(&data, &public_url)?;
        let parameters = parameters(&options, chosen_url.as_ref(), &identity);
        let endpoints = Endpoints {
            api: base_url.clone(),
            queues: aws.sqs.clone(),
        };
        let stack = Stack::read(TEMPLATE, &parameters, &endpoints)?;
        let secrets = Secrets::load_or_create(&data, &stack.secrets)?;
        let emulators = Emulators::open(&data, &stack)?;
        let checkpoints = Checkpoints::open(Arc::clone(&data))?;
        let events = Events::new();
        let buses = EventBuses::new(&stack.event_buses, events.clone());

        let (mut front, mut back) = (Tasks::default(), Tasks::default());
        emulators.serve(dynamodb, (sqs, &aws.sqs), (eventbridge, &buses), &mut back);

        // Before the functions start: they read the keys when they do.
        let access = access_keys::table(&stack, &environment::of_aws(&aws))?;
        access_keys::let_in(&access, &options.api_key).await?;

        let functions_aws = match &options.functions {
            FunctionHost::Processes {
                aws: Some(other), ..
            } => other,
            _ => &aws,
        };
        let mut functions = BTreeMap::new();
        for function in &stack.functions {
            let mut variables = environment::of_function(function, functions_aws, &secrets)?;
            if let Some(change) = &options.change_environment {
                change(&function.binary, &mut variables);
            }
            let log = &options.function_log;
            let running = host::start(&options.functions, function, variables, log).await?;
            functions.insert(function.binary.clone(), running);
        }
        for source in &stack.event_sources {
            let event_loop = EventLoop {
                queues: emulators.queues.clone(),
                source: source.clone(),
                function: target(&stack, &functions, &source.mapping.function, false)?,
                events: events.clone(),
            };
            front.spawn(|stop| event_loop.run(stop));
        }
        for schedule in &stack.schedules {
            let schedule_loop = ScheduleLoop {
                schedule: schedule.clone(),
                function: target(&stack, &functions, &schedule.function, false)?,
            };
            front.spawn(|stop| schedule_loop.run(stop));
        }
        for source in &stack.stream_sources {
            let stream_loop = StreamLoop {
                records: emulators.stream_records.clone(),
                queues: emulators.queues.clone(),
                source: source.clone(),
                function: target(&stack, &functions, &source.mapping.function, false)?,
                checkpoints: checkpoints.clone(),
                events: events.clone(),
            };
            front.spawn(|stop| stream_loop.run(stop));
        }
        let routes = match options.functions {
            FunctionHost::InvokeApi { .. } => Vec::new(),
            _ => stack.routes.clone(),
        };
        let mut routed = BTreeMap::new();
        for route in &routes {
            let function = target(&stack, &functions, &route.function, true)?;
            routed.insert(route.function.clone(), function);
        }
        let gateway = Gateway {
            functions: routed,
            routes: RouteTable::new(routes)?,
            events: events.clone(),
            buses: buses.clone(),
        };
        let mut running = RunningCloud {
            events_url: format!("{own_url}/local/events"),
            base_url,
            public_url,
            api_key: options.api_key,
            aws,
            data,
            stack,
            queues: emulators.queues,
            functions,
            certificate_authority: identity.authority,
            events,
            buses,
            front,
            back,
            _scratch: emulators.scratch,
        };
        access_keys::note_where(&running)?;
        // Last: who gets an answer finds all the rest.
        running.front.serve("the API", api, gateway.into_router());
        Ok(running)
    }
}

fn identity(data: &DataDir, public_url: &str) -> Result<Identity, StartError> {
    let url = Url::parse(public_url).map_err(|fault| StartError::Option {
        flag: "--public-url",
        reason: fault.to_string(),
    })?;
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    Identity::load_or_create(data, &url, today)
}

/// The local values of the template's parameters. Those of the local cloud itself cannot be chosen.
fn parameters(
    options: &Options,
    public_url: Option<&Url>,
    identity: &Identity,
) -> BTreeMap<String, String> {
    let own = [
        ("Release", RELEASE.to_owned()),
        // Empty, the template takes the API's own address.
        (
            "PublicUrl",
            public_url.map(without_slash).unwrap_or_default(),
        ),
        (
            "EgressAllow",
            egress_allow(options.parameters.get("EgressAllow")),
        ),
        ("WebhookSecret", webhook_secret(options, public_url)),
        ("SigningKeyPem", identity.signing_key.clone()),
        (
            "SigningCertificateChain",
            identity.certificate_chain.clone(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let mut parameters = options.parameters.clone();
    parameters.extend(own);
    parameters
}

/// This machine, so that a callback can be tried at home, and what was chosen besides.
fn egress_allow(chosen: Option<&String>) -> String {
    match chosen.filter(|list| !list.trim().is_empty()) {
        None => THIS_MACHINE.to_owned(),
        Some(list) => format!("{THIS_MACHINE},{list}"),
    }
}

/// Empty, a secret is made and kept as AWS would.
fn webhook_secret(options: &Options, public_url: Option<&Url>) -> String {
    match &options.webhook_secret {
        Some(chosen) => chosen.clone(),
        None if public_url.is_none_or(is_loopback) => DEFAULT_WEBHOOK_SECRET.to_owned(),
        None => String::new(),
    }
}

/// What invokes the function with this logical id, if it is of the kind that is wanted.
fn target(
    stack: &Stack,
    functions: &BTreeMap<String, RunningFunction>,
    logical_id: &str,
    by_http: bool,
) -> Result<Target, StartError> {
    let function = stack.function(logical_id);
    let running = function.and_then(|function| functions.get(&function.binary));
    match running.filter(|running| running.is_http == by_http) {
        Some(running) => Ok(running.target.clone()),
        None => {
            let wanted = match by_http {
                true => "answers HTTP requests",
                false => "takes events",
            };
            Err(resource_fault(logical_id, format!("is not a function that {wanted}")).into())
        }
    }
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
