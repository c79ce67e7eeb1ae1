//! The embedded AWS: DynamoDB and SQS, with the tables and queues of the template.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use bestow_queue_service::QueueService;
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::storage::TableMetadata;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::StartError;
use crate::data::data_dir::DataDir;
use crate::data::scratch::Scratch;
use crate::emulators::event_bus::EventBuses;
use crate::emulators::stream_records::StreamRecords;
use crate::stop::Tasks;
use crate::template::{Queue, Stack, Table};

/// How often expired items are removed. DynamoDB itself promises only days.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// The embedded services. They serve until `Stop` says so.
pub(crate) struct Emulators {
    pub(crate) database: Database,
    pub(crate) queues: QueueService,
    pub(crate) stream_records: StreamRecords,
    /// Where the data is that nobody keeps; gone when this is dropped.
    pub(crate) scratch: Option<Scratch>,
}

impl Emulators {
    /// Opens the services' data, and creates what `stack` has and they lack.
    pub(crate) fn open(data: &DataDir, stack: &Stack) -> Result<Self, StartError> {
        const OPENING: &str = "opening its data";
        let scratch = match data.path() {
            None => Some(Scratch::new().map_err(failed("DynamoDB", OPENING))?),
            Some(_) => None,
        };
        let directory = scratch.as_ref().map(Scratch::path).or(data.path());
        let file = directory.unwrap_or(Path::new("")).join("dynamodb.sqlite");
        let queues = match data.path() {
            None => QueueService::in_memory(),
            Some(path) => QueueService::open(path.join("queues.sqlite")),
        };
        let database = Database::new(&file.to_string_lossy());
        let database = database.map_err(failed("DynamoDB", OPENING))?;
        let records = StreamRecords::index(database.clone(), &file);
        let emulators = Self {
            database,
            queues: queues.map_err(failed("queue service", OPENING))?,
            stream_records: records.map_err(failed("DynamoDB", OPENING))?,
            scratch,
        };
        for table in &stack.tables {
            let created = emulators.create_table(table);
            let doing = format!("creating the table {}", table.name);
            created.map_err(failed("DynamoDB", &doing))?;
        }
        // A queue names its dead-letter queue, which must be there before it.
        let (last, first): (Vec<&Queue>, Vec<&Queue>) = stack
            .queues
            .iter()
            .partition(|queue| queue.dead_letter_queue.is_some());
        for queue in first.into_iter().chain(last) {
            // One of an earlier run gets the template's present attributes.
            let attributes = queue.attributes.clone();
            let created = emulators.queues.create_queue(&queue.name, attributes);
            let doing = format!("creating the queue {}", queue.name);
            created.map_err(failed("queue service", &doing))?;
        }
        Ok(emulators)
    }

    /// Serves all on their listeners, and removes expired items from time to time.
    pub(crate) fn serve(
        &self,
        dynamodb: TcpListener,
        (sqs, sqs_url): (TcpListener, &str),
        (eventbridge, buses): (TcpListener, &EventBuses),
        tasks: &mut Tasks,
    ) {
        let database = self.database.clone();
        tasks.spawn(|stop| async move {
            let serving =
                dynoxide::server::serve_with_shutdown(dynamodb, database, stop.cancelled_owned());
            if let Err(reason) = serving.await {
                tracing::error!(reason, "the embedded DynamoDB stopped");
            }
        });
        tasks.serve("the queue service", sqs, self.queues.router(sqs_url));
        tasks.serve("the event bus", eventbridge, buses.router());
        let database = self.database.clone();
        tasks.spawn(|stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sweep(database) => {}
            }
        });
    }

    /// Creates a table, or gives one of an earlier run the indexes and the stream that the template has now.
    fn create_table(&self, table: &Table) -> Result<(), Box<dyn Error>> {
        if let Some(existing) = self.database.get_table_metadata(&table.name)? {
            self.add_indexes(table, &existing)?;
            return self.update_stream(table, &existing);
        }
        let request: CreateTableRequest = serde_json::from_value(table.create.clone())?;
        self.database.create_table(request)?;
        if let Some(attribute_name) = table.ttl_attribute.clone() {
            self.database.update_time_to_live(UpdateTimeToLiveRequest {
                table_name: table.name.clone(),
                time_to_live_specification: TimeToLiveSpecification {
                    attribute_name,
                    enabled: true,
                },
            })?;
        }
        Ok(())
    }

    fn add_indexes(&self, table: &Table, existing: &TableMetadata) -> Result<(), Box<dyn Error>> {
        let there: Vec<Value> = match &existing.gsi_definitions {
            Some(definitions) => serde_json::from_str(definitions)?,
            None => Vec::new(),
        };
        let wanted = table.create.get("GlobalSecondaryIndexes");
        let wanted = wanted.and_then(Value::as_array).into_iter().flatten();
        let is_missing = |index: &&Value| {
            let name = index.get("IndexName");
            there.iter().all(|one| one.get("IndexName") != name)
        };
        for index in wanted.filter(is_missing) {
            self.update_table(json!({
                "TableName": table.name,
                "AttributeDefinitions": table.create.get("AttributeDefinitions"),
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }))?;
        }
        Ok(())
    }

    fn update_stream(&self, table: &Table, existing: &TableMetadata) -> Result<(), Box<dyn Error>> {
        let view = json!(existing.stream_view_type);
        match table.create.get("StreamSpecification") {
            Some(wanted) if wanted.get("StreamViewType") != Some(&view) => {
                self.update_table(json!({"TableName": table.name, "StreamSpecification": wanted}))
            }
            _ => Ok(()),
        }
    }

    fn update_table(&self, request: Value) -> Result<(), Box<dyn Error>> {
        let request: UpdateTableRequest = serde_json::from_value(request)?;
        self.database.update_table(request)?;
        Ok(())
    }
}

async fn sweep(database: Database) {
    loop {
        tokio::time::sleep(TTL_SWEEP).await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(fault)) = swept {
            tracing::warn!(%fault, "expired items could not be removed");
        }
    }
}

fn failed<E: ToString>(service: &'static str, doing: &str) -> impl FnOnce(E) -> StartError {
    move |fault| StartError::Emulator {
        service,
        doing: doing.to_owned(),
        reason: fault.to_string(),
    }
}
