//! A local cloud that was started, and how it is looked at and stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bestow_queue_service::QueueService;
use bestow_runtime::Env;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::access_keys;
use crate::data::data_dir::DataDir;
use crate::emulators::event_bus::{EventBuses, EventQuery, PublishedEvent};
use crate::events::{Event, Events};
use crate::lambda::environment::{self, AwsEndpoints};

use crate::data::scratch::Scratch;
use crate::lambda::host::RunningFunction;
use crate::lambda::processes::LambdaFunction;
use crate::stop::Tasks;
use crate::template::{Route, Schedule, Stack, queue_url};

/// A local cloud that serves. Dropping it stops it hard; [`RunningCloud::shutdown`] lets what is under
/// way end.
pub struct RunningCloud {
    pub(crate) base_url: String,
    pub(crate) events_url: String,
    pub(crate) public_url: String,
    pub(crate) api_key: String,
    pub(crate) aws: AwsEndpoints,
    pub(crate) data: Arc<DataDir>,
    pub(crate) stack: Stack,
    pub(crate) queues: QueueService,
    /// By the names of their binaries.
    pub(crate) functions: BTreeMap<String, RunningFunction>,
    pub(crate) certificate_authority: String,
    pub(crate) events: Events,
    pub(crate) buses: EventBuses,
    /// The API and the event loops.
    pub(crate) front: Tasks,
    /// What they need to end well.
    pub(crate) back: Tasks,
    /// Dropped last: nothing works on it any more.
    pub(crate) _scratch: Option<Scratch>,
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

impl RunningCloud {
    /// Where the API is served, without a trailing slash: `http://127.0.0.1:3000`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The API's address as the world sees it: the credential issuer identifier.
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

    /// The name of the bundled wallet's table.
    pub fn wallet_table(&self) -> &str {
        self.variable("WALLET_TABLE")
    }

    /// The URL of the queue with this name in the template.
    pub fn queue_url(&self, logical_id: &str) -> Option<String> {
        let mut queues = self.stack.queues.iter();
        let queue = queues.find(|one| one.logical_id == logical_id)?;
        Some(queue_url(&self.aws.sqs, &queue.name))
    }

    /// The queues, to look into, and to let time pass in.
    pub fn queues(&self) -> &QueueService {
        &self.queues
    }

    /// The names of all tables.
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.stack.tables.iter().map(|table| table.name.as_str())
    }

    /// What the template comes to on this machine.
    pub fn stack(&self) -> &Stack {
        &self.stack
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

    /// The binary of the function with this name in the template.
    pub fn binary_of(&self, logical_id: &str) -> Option<&str> {
        let function = self.stack.function(logical_id)?;
        Some(&function.binary)
    }

    /// The environment of the function with this binary, secrets included.
    pub fn function_environment(&self, binary: &str) -> Option<&BTreeMap<String, String>> {
        Some(&self.functions.get(binary)?.variables)
    }

    /// The names of the environment variables that this function has asked for so far; empty, where it
    /// runs elsewhere.
    pub fn names_read(&self, binary: &str) -> BTreeSet<String> {
        let env = self.functions.get(binary).and_then(|one| one.env.as_ref());
        env.map(Env::names_read).unwrap_or_default()
    }

    /// The processes of the function with this binary, where
    /// [`FunctionHost::Processes`](crate::FunctionHost::Processes) was chosen.
    pub fn processes(&self, binary: &str) -> Option<&LambdaFunction> {
        self.functions.get(binary)?.processes.as_ref()
    }

    /// Invokes the function with this binary by an event, as its queue, stream or schedule would, and gives its
    /// answer.
    ///
    /// # Errors
    /// What went wrong: the function failed, or there is none of that name that takes events.
    pub async fn invoke(&self, binary: &str, event: Value) -> Result<Value, String> {
        let function = self.functions.get(binary).filter(|one| !one.is_http);
        let function = function.ok_or_else(|| format!("no function {binary} takes events"))?;
        function.target.invoke(event).await
    }

    /// The name of the table with the API keys.
    pub fn access_table(&self) -> &str {
        self.variable("ACCESS_TABLE")
    }

    /// The data directory; `None`, where everything is in memory.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.path()
    }

    /// PEM of the certificate authority of the bundled wallet's certificate: a verifier's trust anchor.
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
        for function in self.functions.values() {
            if let Some(processes) = &function.processes {
                processes.stop().await;
            }
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
