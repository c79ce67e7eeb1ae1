//! The sockets that the local cloud listens on.

use tokio::net::TcpListener;

use crate::StartError;
use crate::options::loopback;

/// Listens on a port of the loopback address, which the option `flag` chooses. Gives the URL too, without a trailing
/// slash.
pub(crate) async fn listen(
    port: u16,
    flag: &'static str,
) -> Result<(TcpListener, String), StartError> {
    let failed = |reason: std::io::Error| match reason.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse { port, flag },
        _ => StartError::Listen { port, flag, reason },
    };
    let listener = TcpListener::bind(loopback(port)).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    Ok((listener, url))
}
