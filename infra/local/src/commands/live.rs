//! What happens, a line for each thing.

use std::path::Path;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{banner, console};
use crate::{Event, RunningCloud};

/// Waits for the next event and shows it.
pub(super) async fn show(events: &mut Receiver<Event>, cloud: &RunningCloud, data_dir: &Path) {
    match events.recv().await {
        Ok(event) => show_event(&event, cloud, data_dir),
        Err(RecvError::Lagged(missed)) => console::print(&format!("({missed} lines left out)")),
        // The cloud lives as long as its events are shown.
        Err(RecvError::Closed) => std::future::pending().await,
    }
}

fn show_event(event: &Event, cloud: &RunningCloud, data_dir: &Path) {
    match event {
        Event::Request {
            method,
            route,
            function,
            status,
            took,
        } => console::print(&format!(
            "{status}  {method:<4} {route}  {function}, {} ms",
            took.as_millis()
        )),
        Event::Batch {
            queue,
            function,
            messages,
            failed,
            took,
        } => {
            let outcome = match failed {
                0 => "done".to_owned(),
                failed => format!("{failed} to be delivered again"),
            };
            console::print(&format!(
                "{queue}  {messages} to {function}: {outcome}, {} ms",
                took.as_millis()
            ));
        }
        Event::StreamBatch {
            table,
            function,
            records,
            failed,
            took,
        } => {
            // Most records are no change that anybody sees; those that are show as events.
            if *failed > 0 {
                console::print(&format!(
                    "{table}  {records} to {function}: {failed} to be delivered again, {} ms",
                    took.as_millis()
                ));
            }
        }
        Event::Published {
            event_type,
            subject,
            sequence,
        } => console::print(&format!(
            "event  {event_type}  {subject}, {}",
            sequence.trim_start_matches('0')
        )),
        Event::IssuanceStarted {
            correlation_id,
            request_uri,
            status_uri,
        } => {
            if let Ok(qr_code) = bestow_qr_code::terminal(request_uri) {
                console::print(&qr_code);
            }
            console::print(&banner::of_issuance(
                cloud,
                data_dir,
                correlation_id,
                request_uri,
                status_uri,
            ));
        }
    }
}
