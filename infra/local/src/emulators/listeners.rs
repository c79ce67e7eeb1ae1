//! The sockets that the local cloud listens on.

use tokio::net::TcpListener;

use crate::StartError;
use crate::options::{Options, loopback};

/// The sockets, bound before anything else is done: a port that is taken stops the start early, and
/// the ports are known before the template is read.
pub(crate) struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) dynamodb: TcpListener,
    pub(crate) sqs: TcpListener,
    pub(crate) eventbridge: TcpListener,
}

impl Listeners {
    pub(crate) async fn bind(options: &Options) -> Result<Self, StartError> {
        Ok(Self {
            api: bind(options.port, "--port").await?,
            dynamodb: bind(options.dynamodb_port, "--dynamodb-port").await?,
            sqs: bind(options.sqs_port, "--sqs-port").await?,
            eventbridge: bind(options.eventbridge_port, "--eventbridge-port").await?,
        })
    }
}

async fn bind(port: u16, flag: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(loopback(port))
        .await
        .map_err(|reason| match reason.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortInUse { port, flag },
            _ => StartError::Listen { port, flag, reason },
        })
}

/// The address of a listener, without a trailing slash.
pub(crate) fn url_of(listener: &TcpListener) -> Result<String, StartError> {
    let address = listener.local_addr();
    let address = address.map_err(|reason| StartError::Listen {
        port: 0,
        flag: "--port",
        reason,
    })?;
    Ok(format!("http://{address}"))
}
