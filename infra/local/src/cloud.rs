//! Starting everything, in order. [`RunningCloud::shutdown`] stops it in the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use functions::{EventHandler, Handler};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use crate::StartError;
use crate::access_keys;
use crate::checkpoints::Checkpoints;
use crate::data_dir::DataDir;
use crate::dispatch::{Gateway, HttpFunction};
use crate::emulators::Emulators;
use crate::environment::{self, AwsEndpoints};
use crate::event_bus::EventBuses;
use crate::event_loop::EventLoop;
use crate::events::Events;
use crate::function_host;
use crate::identity::Identity;
use crate::listeners::{Listeners, url_of};
use crate::options::{DEFAULT_WEBHOOK_SECRET, FunctionHost, Options, is_loopback, without_slash};
use crate::route_table::RouteTable;
use crate::running_cloud::{RunningCloud, RunningFunction};
use crate::schedule_loop::ScheduleLoop;
use crate::secrets::Secrets;
use crate::stop::Tasks;
use crate::stream_loop::StreamLoop;
use crate::template::{Endpoints, Route, Stack, TEMPLATE};

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
        let data = match &options.data_dir {
            None => DataDir::Memory,
            Some(path) => DataDir::open(path)?,
        };
        let listeners = Listeners::bind(&options).await?;
        let own_url = url_of(&listeners.api)?;
        let base_url = match &options.functions {
            FunctionHost::InvokeApi { endpoint } => endpoint.clone(),
            _ => own_url.clone(),
        };
        let aws = AwsEndpoints {
            dynamodb: url_of(&listeners.dynamodb)?,
            sqs: url_of(&listeners.sqs)?,
            eventbridge: url_of(&listeners.eventbridge)?,
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
        let checkpoints = Checkpoints::open(&data)?;
        let events = Events::new();
        let buses = EventBuses::new(&stack.event_buses, events.clone());

        let (mut front, mut back) = (Tasks::new(), Tasks::new());
        let (dynamodb, sqs) = (listeners.dynamodb, listeners.sqs);
        let eventbridge = (listeners.eventbridge, &buses);
        emulators.serve(
            dynamodb,
            sqs,
            &aws.sqs,
            eventbridge,
            &back.stop,
            &mut back.running,
        );

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
        let mut handlers = BTreeMap::new();
        for function in &stack.functions {
            let mut variables = environment::of_function(function, functions_aws, &secrets)?;
            if let Some(change) = &options.change_environment {
                change(&function.binary, &mut variables);
            }
            let started = function_host::start(
                &options.functions,
                function,
                &stack.routes,
                &variables,
                &options.function_log,
            )
            .await?;
            let running = RunningFunction {
                variables,
                env: started.env,
                processes: started.processes,
                handler: match &started.handler {
                    Handler::Events(handler) => Some(handler.clone()),
                    Handler::Http(_) => None,
                },
                timeout: function.timeout,
            };
            handlers.insert(function.logical_id.clone(), started.handler);
            functions.insert(function.binary.clone(), running);
        }
        for source in &stack.event_sources {
            let event_loop = EventLoop {
                queues: emulators.queues.clone(),
                source: source.clone(),
                handler: event_handler(&handlers, &source.mapping.function)?,
                timeout: timeout(&stack, &source.mapping.function),
                events: events.clone(),
            };
            let stop = front.stop.clone();
            front.running.spawn(event_loop.run(stop));
        }
        for schedule in &stack.schedules {
            let schedule_loop = ScheduleLoop {
                schedule: schedule.clone(),
                handler: event_handler(&handlers, &schedule.function)?,
                timeout: timeout(&stack, &schedule.function),
            };
            let stop = front.stop.clone();
            front.running.spawn(schedule_loop.run(stop));
        }
        for source in &stack.stream_sources {
            let stream_loop = StreamLoop {
                database: emulators.database.clone(),
                queues: emulators.queues.clone(),
                source: source.clone(),
                handler: event_handler(&handlers, &source.mapping.function)?,
                timeout: timeout(&stack, &source.mapping.function),
                checkpoints: checkpoints.clone(),
                records: Some(emulators.stream_records.clone()),
                events: events.clone(),
            };
            let stop = front.stop.clone();
            front.running.spawn(stream_loop.run(stop));
        }
        let routes = match options.functions {
            FunctionHost::InvokeApi { .. } => Vec::new(),
            _ => stack.routes.clone(),
        };
        let gateway = Gateway {
            functions: http_functions(&stack, &routes, handlers)?,
            routes: RouteTable::new(routes)?,
            events: events.clone(),
            buses: buses.clone(),
        };
        let (router, stopped) = (gateway.into_router(), front.stop.requested());
        front.running.spawn(async move {
            let serving = axum::serve(listeners.api, router).with_graceful_shutdown(stopped);
            if let Err(fault) = serving.await {
                tracing::error!(%fault, "the API stopped");
            }
        });
        let running = RunningCloud {
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
        Ok(running)
    }
}

fn identity(data: &DataDir, public_url: &str) -> Result<Identity, StartError> {
    let url = Url::parse(public_url).map_err(|fault| StartError::PublicUrl {
        url: public_url.to_owned(),
        reason: fault.to_string(),
    })?;
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    Ok(Identity::load_or_create(data, &url, today)?)
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

fn event_handler(
    started: &BTreeMap<String, Handler>,
    function: &str,
) -> Result<EventHandler, StartError> {
    match started.get(function) {
        Some(Handler::Events(handler)) => Ok(handler.clone()),
        _ => Err(StartError::WrongKind {
            function: function.to_owned(),
            use_of_it: "takes events",
        }),
    }
}

fn http_functions(
    stack: &Stack,
    routes: &[Route],
    mut started: BTreeMap<String, Handler>,
) -> Result<BTreeMap<String, HttpFunction>, StartError> {
    let routed: BTreeSet<&String> = routes.iter().map(|route| &route.function).collect();
    routed
        .into_iter()
        .map(
            |logical_id| match (started.remove(logical_id), stack.function(logical_id)) {
                (Some(Handler::Http(router)), Some(function)) => {
                    let function = HttpFunction {
                        binary: function.binary.clone(),
                        router,
                        timeout: function.timeout,
                    };
                    Ok((logical_id.clone(), function))
                }
                _ => Err(StartError::WrongKind {
                    function: logical_id.clone(),
                    use_of_it: "answers HTTP requests",
                }),
            },
        )
        .collect()
}

fn timeout(stack: &Stack, logical_id: &str) -> Duration {
    stack
        .function(logical_id)
        .map_or(Duration::MAX, |function| function.timeout)
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
