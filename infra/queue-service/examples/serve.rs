//! Serves queues on an address: `cargo run -p queue-service --example serve -- 127.0.0.1:9324 [FILE]`.
//! Without a file they live in memory.

use std::error::Error;

use queue_service::QueueService;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:9324".to_owned());
    let queues = match arguments.next() {
        Some(path) => QueueService::open(path)?,
        None => QueueService::in_memory()?,
    };
    queues.serve(TcpListener::bind(address).await?).await?;
    Ok(())
}
