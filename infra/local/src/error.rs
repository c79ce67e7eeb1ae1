//! Why the local cloud does not start.

use std::io;

use bestow_runtime::ConfigError;

use crate::data::data_dir::DataDirError;
use crate::data::identity::IdentityError;
use crate::template::TemplateError;

/// Why the local cloud does not start. The message is for the person at the terminal, and says what
/// to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens on a port.
    #[error(
        "port {port} is taken by another program. Stop that one (to find it: lsof -i :{port}), or \
         choose another port with {flag} PORT"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// The option that chooses it.
        flag: &'static str,
    },
    /// A port cannot be listened on for another reason.
    #[error("cannot listen on port {port}: {reason}. Choose another port with {flag} PORT")]
    Listen {
        /// The port.
        port: u16,
        /// The option that chooses it.
        flag: &'static str,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The public URL is none.
    #[error(
        "--public-url {url} cannot be used: {reason}. Give the address that reaches this machine, \
         for example --public-url https://name.tunnel.example"
    )]
    PublicUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address of the Invoke API is none.
    #[error(
        "--lambda-endpoint {url} cannot be used: {reason}. Give the address that cargo lambda watch \
         listens on, for example --lambda-endpoint http://127.0.0.1:9000"
    )]
    LambdaEndpoint {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The webhook secret is none.
    #[error("--webhook-secret cannot be used: {0}")]
    WebhookSecret(bestow_webhooks::SecretsError),
    /// The API key has no characters.
    #[error("--api-key must not be empty")]
    ApiKeyEmpty,
    /// The well-known key would be reachable from elsewhere.
    #[error(
        "everybody knows the default API key, so it cannot protect {url}. Choose your own with \
         --api-key, for example --api-key \"$(openssl rand -hex 32)\""
    )]
    DefaultApiKeyInPublic {
        /// The public URL.
        url: String,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The issuer's key or certificate cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The template asks for something that the local cloud does not know.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A function's environment refers to a secret that the template does not make.
    #[error(
        "template.yaml: {function}: the variable {variable} refers to {reference}, which is no \
         secret of the template"
    )]
    Secret {
        /// The function's logical id.
        function: String,
        /// The environment variable.
        variable: String,
        /// The dynamic reference.
        reference: String,
    },
    /// The template has a function whose handler is not linked into the local cloud.
    #[error(
        "template.yaml: {function}: there is no function {binary} in the list of \
         infra/functions/src/lib.rs"
    )]
    UnknownFunction {
        /// The function's logical id.
        function: String,
        /// The binary that it deploys.
        binary: String,
    },
    /// A route or event source leads to a function of the other kind.
    #[error("template.yaml: {function} is not a function that {use_of_it}")]
    WrongKind {
        /// The function's logical id.
        function: String,
        /// "answers HTTP requests" or "takes events".
        use_of_it: &'static str,
    },
    /// Two routes cannot be told apart.
    #[error("template.yaml: the route {0} is there twice")]
    DoubledRoute(String),
    /// A function refuses its configuration.
    #[error("the function {function} does not start: {reason}")]
    Function {
        /// The function's logical id.
        function: String,
        /// What it says.
        reason: ConfigError,
    },
    /// The embedded DynamoDB or queue service failed.
    #[error("the embedded {service} failed while {doing}: {reason}")]
    Emulator {
        /// Which.
        service: &'static str,
        /// What it was to do.
        doing: String,
        /// What it said.
        reason: String,
    },
}
