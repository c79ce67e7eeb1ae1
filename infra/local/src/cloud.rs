//! Starting everything, in order, and stopping it in the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use queue_service::QueueService;
use runtime::Env;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::broadcast;
use url::Url;

use crate::StartError;
use crate::access_keys;
use crate::checkpoints::Checkpoints;
use crate::data_dir::DataDir;
use crate::dispatch::{Gateway, HttpFunction};
use crate::emulators::Emulators;
use crate::environment::{self, AwsEndpoints};
use crate::event_bus::{EventBuses, EventQuery, PublishedEvent};
use crate::event_loop::EventLoop;
use crate::events::{Event, Events};
use crate::functions::{self, EventHandler, Handler};
use crate::identity::Identity;
use crate::invocation::invoke;
use crate::lambda_process::LambdaFunction;
use crate::listeners::{Listeners, url_of};
use crate::options::{DEFAULT_WEBHOOK_SECRET, FunctionHost, Options, is_loopback, without_slash};
use crate::route_table::RouteTable;
use crate::schedule_loop::ScheduleLoop;
use crate::secrets::Secrets;
use crate::stop::Tasks;
use crate::stream_loop::StreamLoop;
use crate::template::{Endpoints, LOCAL_ACCOUNT, Route, Schedule, Stack, TEMPLATE};

/// The value of the template's parameter `Release`, which has no default because each deployment must
/// choose a new one.
const RELEASE: &str = "localcloud";

/// Where callbacks may always go.
const THIS_MACHINE: &str = "127.0.0.1,::1,localhost";

/// The local cloud, to be started.
#[derive(Debug)]
pub struct LocalCloud;

/// A local cloud that serves. Dropping it stops it hard; [`RunningCloud::shutdown`] lets what is under
/// way end.
pub struct RunningCloud {
    base_url: String,
    events_url: String,
    public_url: String,
    api_key: String,
    aws: AwsEndpoints,
    data: DataDir,
    stack: Stack,
    queues: QueueService,
    /// By the names of their binaries.
    functions: BTreeMap<String, RunningFunction>,
    certificate_authority: String,
    events: Events,
    buses: EventBuses,
    /// The API and the event loops.
    front: Tasks,
    /// What they need to end well.
    back: Tasks,
    /// Dropped last: nothing works on it any more.
    _scratch: Option<TempDir>,
}

/// A function that was started, as far as others may look at it.
struct RunningFunction {
    /// Its environment.
    variables: BTreeMap<String, String>,
    /// The lookup that it reads, where it runs in this process.
    env: Option<Env>,
    /// Its processes, where it has some.
    processes: Option<LambdaFunction>,
    /// How events invoke it, where they do.
    handler: Option<EventHandler>,
    /// How long an invocation may take.
    timeout: Duration,
}

impl fmt::Debug for RunningCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The API key and the functions' environments are secrets.
        f.debug_struct("RunningCloud")
            .field("base_url", &self.base_url)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

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
            let started = functions::start(
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
                handler: event_handler(&handlers, &source.function)?,
                timeout: timeout(&stack, &source.function),
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
                handler: event_handler(&handlers, &source.function)?,
                timeout: timeout(&stack, &source.function),
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

impl RunningCloud {
    /// Where the API is served, without a trailing slash: `http://127.0.0.1:3000`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The API's address as the world sees it: the credential issuer identifier. The same as
    /// [`RunningCloud::base_url`] unless another was chosen.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The key that the API takes in `x-api-key`.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Where DynamoDB is served.
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.aws.dynamodb
    }

    /// Where SQS is served.
    pub fn sqs_endpoint(&self) -> &str {
        &self.aws.sqs
    }

    /// Where EventBridge is served.
    pub fn eventbridge_endpoint(&self) -> &str {
        &self.aws.eventbridge
    }

    /// The variables that an AWS SDK needs to reach this cloud.
    pub fn aws_environment(&self) -> BTreeMap<String, String> {
        environment::of_aws(&self.aws)
    }

    /// The name of the backend's table.
    pub fn issuance_table(&self) -> &str {
        self.variable("ISSUANCE_TABLE")
    }

    /// What webhooks are signed with: one secret, or two separated by white space.
    pub fn webhook_secrets(&self) -> &str {
        self.variable("WEBHOOK_SECRETS").trim()
    }

    /// The name of the table of deliveries.
    pub fn delivery_table(&self) -> &str {
        self.variable("DELIVERY_TABLE")
    }

    /// The name of the bundled wallet's table.
    pub fn wallet_table(&self) -> &str {
        self.variable("WALLET_TABLE")
    }

    /// The URL of the queue with this name in the template.
    pub fn queue_url(&self, logical_id: &str) -> Option<String> {
        let queue = self
            .stack
            .queues
            .iter()
            .find(|one| one.logical_id == logical_id)?;
        Some(format!("{}/{LOCAL_ACCOUNT}/{}", self.aws.sqs, queue.name))
    }

    /// The queues, to look into, and to let time pass in.
    pub fn queues(&self) -> &QueueService {
        &self.queues
    }

    /// The names of all tables.
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.stack.tables.iter().map(|table| table.name.as_str())
    }

    /// The routes of the template.
    pub fn routes(&self) -> &[Route] {
        &self.stack.routes
    }

    /// The schedules of the template.
    pub fn schedules(&self) -> &[Schedule] {
        &self.stack.schedules
    }

    /// The binaries of the template's functions, sorted.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// The environment of the function with this binary, secrets included.
    pub fn function_environment(&self, binary: &str) -> Option<&BTreeMap<String, String>> {
        Some(&self.functions.get(binary)?.variables)
    }

    /// The names of the environment variables that this function has asked for so far; empty, where it
    /// runs elsewhere.
    pub fn names_read(&self, binary: &str) -> BTreeSet<String> {
        self.functions
            .get(binary)
            .and_then(|function| function.env.as_ref())
            .map(Env::names_read)
            .unwrap_or_default()
    }

    /// The processes of the function with this binary, where [`FunctionHost::Processes`] was chosen.
    pub fn processes(&self, binary: &str) -> Option<&LambdaFunction> {
        self.functions.get(binary)?.processes.as_ref()
    }

    /// Invokes the function with this binary by an event, as its queue, stream or schedule would, and gives its
    /// answer: what a schedule does once an hour can be had now. It does not work on functions that answer
    /// HTTP requests.
    ///
    /// # Errors
    /// What went wrong: the function failed, or there is none of that name that takes events.
    pub async fn invoke(&self, binary: &str, event: Value) -> Result<Value, String> {
        let function = self.functions.get(binary);
        let handler = function.and_then(|one| one.handler.as_ref().map(|own| (own, one.timeout)));
        let (handler, timeout) =
            handler.ok_or_else(|| format!("no function {binary} takes events"))?;
        invoke(handler, timeout, event).await
    }

    /// The name of the table with the API keys.
    pub fn access_table(&self) -> &str {
        self.variable("ACCESS_TABLE")
    }

    /// What outlives it.
    pub(crate) fn data(&self) -> &DataDir {
        &self.data
    }

    /// The data directory; `None`, where everything is in memory.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.path()
    }

    /// PEM of the certificate authority that the bundled wallet's certificate is issued by: the trust
    /// anchor of a verifier.
    pub fn certificate_authority(&self) -> &str {
        &self.certificate_authority
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Where the same events are served as [`RunningCloud::published`] gives.
    pub fn events_url(&self) -> &str {
        &self.events_url
    }

    /// The events that came to the event bus, newest last. Ten thousand are kept.
    pub fn published(&self, query: &EventQuery) -> Vec<PublishedEvent> {
        self.buses.published(query)
    }

    /// Stops: takes nothing new, lets requests and batches that are under way end (ten seconds at
    /// most), then closes the data.
    pub async fn shutdown(self) {
        access_keys::forget_where(&self.data);
        self.front.end().await;
        for processes in self
            .functions
            .values()
            .filter_map(|one| one.processes.as_ref())
        {
            processes.stop().await;
        }
        self.back.end().await;
    }

    /// A variable that has the same value in every function that has it.
    fn variable(&self, name: &str) -> &str {
        self.functions
            .values()
            .find_map(|function| function.variables.get(name))
            .map_or("", String::as_str)
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
