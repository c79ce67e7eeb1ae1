//! The command line: what can be typed, and what is done about it.

mod banner;
mod console;
mod keys;
mod lambda_watch;
mod live;
mod receive;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::http::StatusCode;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::holder::Holder;
use crate::{DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET, FunctionHost, LocalCloud, Options};

const EXAMPLES: &str = "\
Examples:
  cargo run                                  everything on http://127.0.0.1:3000
  cargo run -- --ephemeral --port 4000       keep nothing, on another port
  cargo run -- accept 'openid-credential-offer://?credential_offer_uri=…'
                                             take a credential, as a customer's wallet would
  cargo run -- credentials                   what was taken, with its present status
  cargo run -- keys create --scope issue:write,issue:read --note 'the web shop'
                                             an API key for a caller; also in AWS, with --table
  cargo run -- receive                       be told: show what is posted to a callback
  cargo run -- --public-url https://name.tunnel.example --api-key \"$(openssl rand -hex 32)\"
                                             reached from a phone through a tunnel
  cargo run -- --emulators-only              the AWS endpoints alone, for cargo lambda watch";

/// The ports of `--emulators-only`: those that DynamoDB Local and ElasticMQ made customary.
const DYNAMODB_PORT: u16 = 8000;
const SQS_PORT: u16 = 9324;
const EVENTBRIDGE_PORT: u16 = 9325;

/// All of Bestow on this machine: DynamoDB, SQS, the functions, the bundled wallet.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo run --",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take the credential of an offer, as a customer's wallet would
    #[command(arg_required_else_help = true)]
    Accept {
        /// The request_uri of Start issue's answer, in quotes
        offer_uri: String,
        /// The transaction code, where the offer asks for one
        #[arg(long, value_name = "N")]
        tx_code: Option<String>,
        #[command(flatten)]
        data: DataDirArg,
    },
    /// Listen for webhooks, verify them and show them
    Receive {
        /// The port to listen on, on 127.0.0.1; 0 takes a free one
        #[arg(long, default_value_t = 9999)]
        port: u16,
        /// What the webhooks are signed with
        #[arg(long, value_name = "SECRET", default_value = DEFAULT_WEBHOOK_SECRET)]
        webhook_secret: String,
        /// The HTTP status to answer with: 500 has them sent again, 410 ends the subscription
        #[arg(long, value_name = "STATUS", default_value = "204")]
        answer: StatusCode,
    },
    /// Show the credentials that were taken, with their present status
    Credentials {
        #[command(flatten)]
        data: DataDirArg,
    },
    /// Make, list, rotate and revoke the API keys of callers, here or in AWS
    #[command(subcommand)]
    Keys(keys::Keys),
}

#[derive(Debug, Args)]
struct DataDirArg {
    /// Where tables, queues, keys and the holder's credentials are kept
    #[arg(long, value_name = "DIR", default_value = ".local")]
    data_dir: PathBuf,
}

#[derive(Debug, Args)]
struct Run {
    /// The port of the API; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    port: u16,
    #[command(flatten)]
    data: DataDirArg,
    /// Keep everything in memory
    #[arg(long)]
    ephemeral: bool,
    /// The key that callers send in x-api-key; the default is taken on loopback only
    #[arg(long, value_name = "KEY", default_value = DEFAULT_API_KEY)]
    api_key: String,
    /// What webhooks are signed with: whsec_ and the base64 of 24 to 64 random bytes
    #[arg(long, value_name = "SECRET")]
    webhook_secret: Option<String>,
    /// The address that reaches this machine from elsewhere, such as a tunnel's
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Serve the AWS endpoints alone, and feed queues to functions that run in cargo lambda watch
    #[arg(long)]
    emulators_only: bool,
    /// Where cargo lambda watch listens
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9000",
        requires = "emulators_only"
    )]
    lambda_endpoint: String,
    /// The port of DynamoDB with --emulators-only
    #[arg(long, value_name = "PORT", default_value_t = DYNAMODB_PORT, requires = "emulators_only")]
    dynamodb_port: u16,
    /// The port of SQS with --emulators-only
    #[arg(long, value_name = "PORT", default_value_t = SQS_PORT, requires = "emulators_only")]
    sqs_port: u16,
    /// A value for a parameter of template.yaml, such as OfferLifetimeSeconds=120; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    parameter: Vec<(String, String)>,
    /// The port of EventBridge with --emulators-only
    #[arg(long, value_name = "PORT", default_value_t = EVENTBRIDGE_PORT, requires = "emulators_only")]
    eventbridge_port: u16,
    /// Log what the functions log
    #[arg(long, short)]
    verbose: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("give NAME=VALUE, such as OfferLifetimeSeconds=120")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does what the command line says; the text of a failure goes to standard error.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.command.is_none() && cli.run.verbose);
    let done = match cli.command {
        None => serve(cli.run).await,
        Some(Command::Accept {
            offer_uri,
            tx_code,
            data,
        }) => accept(&offer_uri, tx_code.as_deref(), &data.data_dir).await,
        Some(Command::Receive {
            port,
            webhook_secret,
            answer,
        }) => receive::run(port, &webhook_secret, answer, async {
            // Without a signal there is nothing to stop for.
            let _ = stop_signal().await;
        })
        .await
        .map_err(Into::into),
        Some(Command::Credentials { data }) => credentials(data).await,
        Some(Command::Keys(command)) => keys::run(command).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            console::error(&fault.to_string());
            ExitCode::FAILURE
        }
    }
}

impl Run {
    fn options(&self) -> Options {
        let functions = match self.emulators_only {
            false => FunctionHost::InProcess,
            true => FunctionHost::InvokeApi {
                endpoint: self.lambda_endpoint.trim_end_matches('/').to_owned(),
            },
        };
        // Only who starts the functions elsewhere must know these ports beforehand.
        let known = |port| if self.emulators_only { port } else { 0 };
        Options {
            port: self.port,
            dynamodb_port: known(self.dynamodb_port),
            sqs_port: known(self.sqs_port),
            eventbridge_port: known(self.eventbridge_port),
            data_dir: (!self.ephemeral).then(|| self.data.data_dir.clone()),
            api_key: self.api_key.clone(),
            webhook_secret: self.webhook_secret.clone(),
            public_url: self.public_url.clone(),
            functions,
            // Who watches an issuance at home sees each step when it happens.
            parameters: [("HintBatchingSeconds".to_owned(), "0".to_owned())]
                .into_iter()
                .chain(self.parameter.iter().cloned())
                .collect(),
            ..Options::default()
        }
    }
}

async fn serve(run: Run) -> Result<(), Box<dyn Error>> {
    let cloud = LocalCloud::start(run.options()).await?;
    let mut events = cloud.events();
    let data_dir = &run.data.data_dir;
    if run.emulators_only {
        let configuration = lambda_watch::write(&cloud, data_dir)?;
        console::print(&banner::of_emulators(&cloud, &configuration));
    } else {
        console::print(&banner::of_cloud(&cloud, data_dir));
    }
    let watching = async {
        loop {
            live::show(&mut events, &cloud, data_dir).await;
        }
    };
    tokio::select! {
        () = watching => {}
        stopped = stop_signal() => stopped?,
    }
    console::print("\nStopping.");
    cloud.shutdown().await;
    Ok(())
}

async fn accept(uri: &str, tx_code: Option<&str>, data_dir: &Path) -> Result<(), Box<dyn Error>> {
    let card = Holder::open(data_dir)?.accept(uri, tx_code).await?;
    console::print(&card);
    Ok(())
}

async fn credentials(data: DataDirArg) -> Result<(), Box<dyn Error>> {
    let credentials = Holder::open(&data.data_dir)?.credentials().await?;
    if credentials.is_empty() {
        console::print(
            "Nothing was taken yet. Take a credential with: cargo run -- accept OFFER_URI",
        );
    }
    for (path, card) in credentials {
        match card {
            Ok(card) => console::print(&card.to_string()),
            Err(distrust) => console::print(&format!(
                "{} is not to be trusted now: {distrust}",
                path.display()
            )),
        }
    }
    Ok(())
}

/// Ends at Ctrl-C, and where a process manager asks the process to terminate.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Logs for a human: warnings, and with `verbose` what the functions log. `RUST_LOG` overrides it.
fn log_to_stderr(verbose: bool) {
    // The embedded DynamoDB warns of each conditional write that fails, which is daily business here.
    let default = if verbose {
        "info,dynoxide=error"
    } else {
        "warn,dynoxide=error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .compact()
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_announced_at_once_unless_it_is_said_otherwise() {
        let window = |arguments: &[&str]| {
            let run = Cli::parse_from([&["local"], arguments].concat()).run;
            run.options().parameters["HintBatchingSeconds"].clone()
        };
        assert_eq!(window(&[]), "0");
        assert_eq!(window(&["--parameter", "HintBatchingSeconds=3"]), "3");
    }
}
