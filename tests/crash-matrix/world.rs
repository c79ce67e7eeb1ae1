//! One local cloud for one cell: its functions are processes, one each, behind the proxy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bestow_local::{Binaries, FunctionHost, LocalCloud, Options, RunningCloud};
use serde_json::{Value, json};

use crate::Broken;
use crate::authorization_server::{AUDIENCE, AuthorizationServer};
use crate::call::Call;
use crate::fault::Fault;
use crate::flows::Flow;
use crate::proxy::Proxy;
use crate::receiver::Receiver;
use crate::tables::{RESERVED_AT, Tables, text};

/// How long anything may take on the clock of this machine: more than the slowest fault, and then some.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much time is let pass while something is waited for: the longest that anything may take is an offer
/// nobody takes, whose wallet has forgotten to say when it ends.
const LONGEST: Duration = Duration::from_secs(9 * 24 * 60 * 60);
/// The step in which time passes when no message is on its way: only schedules can do anything then.
const STEP: Duration = Duration::from_secs(6 * 60 * 60);
/// How often schedules run.
const MINUTE: Duration = Duration::from_secs(60);
/// How long nothing must happen for the world to count as idle.
const BREATH: Duration = Duration::from_millis(15);

pub struct World {
    pub cloud: RunningCloud,
    pub proxy: Proxy,
    pub tables: Tables,
    pub receiver: Receiver,
    /// Where deliver-webhook finds the receiver.
    pub callback_url: String,
    /// Whose tokens are taken, where somebody has one.
    pub authorization: Option<AuthorizationServer>,
    /// The external wallet, where there is one: another Bestow, which nothing happens to.
    pub wallet: Option<(RunningCloud, Tables)>,
}

impl World {
    pub async fn start(flow: Flow, fault: Option<(Call, Fault)>) -> Self {
        let proxy = Proxy::start(fault).await;
        let authorization = match flow {
            Flow::ByToken => Some(AuthorizationServer::start().await),
            _ => None,
        };
        let issuer = authorization.as_ref().map(|server| server.issuer.clone());
        let (receiver, address) = Receiver::start().await;
        let address = proxy.in_front_of("deliver-webhook", "receiver", &address);
        let wallet = match flow {
            Flow::External => Some(external_wallet().await),
            _ => None,
        };
        let parameters = wallet.as_ref().map(|(wallet, _)| {
            [
                ("WalletBaseUrl", wallet.base_url()),
                ("WalletApiKey", wallet.api_key()),
                ("WalletCallbacks", "true"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
        });
        let placed = proxy.clone();
        let cloud = LocalCloud::start(Options {
            functions: FunctionHost::Processes {
                binaries: Binaries::One(env!("CARGO_BIN_EXE_local").into()),
                // So it is known which one is to be killed.
                max_processes: 1,
                aws: None,
            },
            change_environment: Some(Arc::new(move |function, variables| {
                for (name, value) in variables {
                    let leads_out =
                        name.starts_with("AWS_ENDPOINT_URL_") || name == "WALLET_BASE_URL";
                    if leads_out && !value.is_empty() {
                        *value = placed.in_front_of(function, name, value);
                    } else if let Some(issuer) = &issuer {
                        match name.as_str() {
                            "OAUTH_ISSUER" => value.clone_from(issuer),
                            "OAUTH_AUDIENCE" => AUDIENCE.clone_into(value),
                            "OAUTH_JWKS_URL" => {
                                let keys = placed.in_front_of(function, name, issuer);
                                *value = format!("{keys}/jwks");
                            }
                            _ => {}
                        }
                    }
                }
            })),
            parameters: parameters.unwrap_or_default(),
            ..Options::default()
        });
        let cloud = cloud.await.unwrap_or_else(|fault| panic!("{fault}"));
        let functions = cloud.function_names().map(|name| {
            let processes = cloud.processes(name).expect("it runs as processes");
            (name.to_owned(), processes.clone())
        });
        proxy.watch(functions.collect());
        let kept = (flow == Flow::Unsubscribe).then_some(RESERVED_AT);
        let tables = Tables::new(cloud.dynamodb_endpoint(), cloud.table_names(), kept).await;
        Self {
            cloud,
            proxy,
            tables,
            receiver,
            callback_url: format!("{address}/hook"),
            authorization,
            wallet,
        }
    }

    /// Waits until the external wallet itself knows that an issuance is completed: no time passes there.
    pub async fn until_wallet_knows(&self, id: &str) {
        let Some((wallet, tables)) = &self.wallet else {
            return;
        };
        let is_completed = async || {
            let records = tables.items(wallet.issuance_table()).await;
            let mut states = records
                .iter()
                .filter(|record| text(record, "correlation_id") == id);
            states.any(|record| text(record, "state") == "completed")
        };
        while !is_completed().await {
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Every item of the table of the wallet that issues.
    pub async fn wallet_items(&self) -> Vec<Value> {
        let (cloud, tables) = match &self.wallet {
            Some((cloud, tables)) => (cloud, tables),
            None => (&self.cloud, &self.tables),
        };
        tables.items(cloud.wallet_table()).await
    }

    /// Lets time pass, for the queues and for everything that is stored. The processes have the clock of
    /// this machine, so stored moments move into the past instead.
    pub async fn let_pass(&self, time: Duration) {
        // Up to a whole second, or what is due then would not be quite.
        let seconds = time.as_secs() + 1;
        self.tables
            .let_pass(i64::try_from(seconds).unwrap_or(i64::MAX))
            .await;
        self.cloud.queues().let_pass(Duration::from_secs(seconds));
    }

    /// Waits until `look` sees something. While nothing is happening, time passes, up to when the next
    /// message falls due.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Broken>,
    ) -> Result<T, Broken> {
        let began = Instant::now();
        let mut passed = Duration::ZERO;
        let mut last_schedules = Duration::ZERO;
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            if began.elapsed() > PATIENCE || passed > LONGEST {
                let hours = passed.as_secs() / 3600;
                return Err(Broken::new(
                    "everything ends",
                    format!("{what}: not even after {hours} h"),
                ));
            }
            if !self.is_idle().await {
                continue;
            }
            let step = self.until_next_due().unwrap_or(STEP);
            self.let_pass(step).await;
            passed += step;
            if passed >= last_schedules + MINUTE {
                self.run_schedules().await;
                last_schedules = passed;
            }
        }
    }

    /// Puts a message on a queue, past the proxy, as somebody does who is none of the functions.
    pub async fn put_on_queue(&self, name: &str, body: &serde_json::Value) {
        let queue = self.cloud.queue_url(name).expect("the queue");
        let message = json!({"QueueUrl": queue, "MessageBody": body.to_string()});
        let sent = crate::backend::client()
            .post(self.cloud.sqs_endpoint())
            .header("x-amz-target", "AmazonSQS.SendMessage")
            .header("content-type", "application/x-amz-json-1.0")
            .body(message.to_string())
            .send()
            .await;
        let answer = sent.expect("the queue service answers");
        assert!(answer.status().is_success(), "the message is taken");
    }

    /// Invokes what runs each minute or so, once. A run that fails is followed by another, some other time.
    pub async fn run_schedules(&self) {
        for schedule in self.cloud.schedules() {
            let event = json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}"});
            let binary = self.cloud.binary_of(&schedule.function);
            let _ = self.cloud.invoke(binary.expect("its own"), event).await;
        }
    }

    /// Waits until nothing happens and nothing is about to, as the clock has it.
    pub async fn until_idle(&self) {
        while !self.is_idle().await {}
    }

    /// Whether nothing happens and nothing is about to.
    async fn is_idle(&self) -> bool {
        for _ in 0..2 {
            let works = |name| self.cloud.processes(name).is_some_and(|one| !one.is_idle());
            let is_busy = self.cloud.function_names().any(works);
            if is_busy || self.until_next_due() == Some(Duration::ZERO) {
                tokio::time::sleep(BREATH).await;
                return false;
            }
            tokio::time::sleep(BREATH).await;
        }
        true
    }

    fn until_next_due(&self) -> Option<Duration> {
        self.cloud
            .queues()
            .until_next_due()
            .expect("the queues can be read")
    }
}

async fn external_wallet() -> (RunningCloud, Tables) {
    let cloud = LocalCloud::start(Options::default()).await;
    let cloud = cloud.unwrap_or_else(|fault| panic!("{fault}"));
    let tables = Tables::new(cloud.dynamodb_endpoint(), cloud.table_names(), None).await;
    (cloud, tables)
}
