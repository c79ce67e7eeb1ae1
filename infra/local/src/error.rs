//! Why the local cloud does not start.

use std::io;

use bestow_runtime::ConfigError;

use crate::data::data_dir::DataDirError;
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
    /// The value of an option cannot be used.
    #[error("{flag} cannot be used: {reason}")]
    Option {
        /// The option.
        flag: &'static str,
        /// What is wrong with its value, and what would be right.
        reason: String,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The issuer's key or certificate cannot be made.
    #[error(
        "cannot make the issuer's certificate: {0}. If a key in the data directory was changed, delete \
         signing-key.pem, certificate-authority-key.pem and certificate-authority.pem: new ones are made"
    )]
    Identity(#[from] rcgen::Error),
    /// An issue template is not as it should be.
    #[error("{0}")]
    IssueTemplate(ConfigError),
    /// The template asks for something that the local cloud does not know.
    #[error(transparent)]
    Template(#[from] TemplateError),
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
