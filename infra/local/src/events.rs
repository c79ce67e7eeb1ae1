//! What happens in a running local cloud, for whoever looks.

use std::time::Duration;

use tokio::sync::broadcast;

/// How far behind a reader may be before it misses events.
const BACKLOG: usize = 1024;

/// Something that happened. Nothing in it is secret but the offer link, which is there to be taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A request was answered.
    Request {
        /// The method.
        method: String,
        /// The route that matched, with its `{parameters}`: what stands in their place may be secret.
        route: String,
        /// The binary of the function that answered.
        function: String,
        /// The HTTP status.
        status: u16,
        /// How long it took.
        took: Duration,
    },
    /// An issuance was started.
    IssuanceStarted {
        /// Its correlation id.
        correlation_id: String,
        /// The link that the customer's wallet opens.
        request_uri: String,
        /// Where to ask for its status.
        status_uri: String,
    },
    /// A function took records from the stream of a table.
    StreamBatch {
        /// The table.
        table: String,
        /// The logical id of the function.
        function: String,
        /// How many records there were.
        records: usize,
        /// How many of them will be delivered again.
        failed: usize,
        /// How long it took.
        took: Duration,
    },
    /// An event came to the event bus.
    Published {
        /// The CloudEvent's `type`.
        event_type: String,
        /// The CloudEvent's `subject`: a correlation id.
        subject: String,
        /// The CloudEvent's `sequence`.
        sequence: String,
    },
    /// A function took a batch from a queue.
    Batch {
        /// The queue.
        queue: String,
        /// The logical id of the function.
        function: String,
        /// How many messages there were.
        messages: usize,
        /// How many of them will be delivered again.
        failed: usize,
        /// How long it took.
        took: Duration,
    },
}

/// Where events go in. Without a reader they go nowhere, at no cost.
#[derive(Debug, Clone)]
pub(crate) struct Events(broadcast::Sender<Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Whether anyone looks.
    pub(crate) fn are_read(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn send(&self, event: Event) {
        // No reader is no fault.
        let _ = self.0.send(event);
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
