CREATE TABLE IF NOT EXISTS queues (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL UNIQUE,
    attributes      TEXT NOT NULL           -- JSON object: name to value, as SQS writes them
) STRICT;

-- A message is hidden while visible_at_ms is in the future: delayed if it has no receipt, in flight
-- if it has one.
CREATE TABLE IF NOT EXISTS messages (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id                INTEGER NOT NULL REFERENCES queues (id),
    message_id              TEXT NOT NULL,
    body                    TEXT NOT NULL,
    trace_header            TEXT,
    sent_at_ms              INTEGER NOT NULL,
    visible_at_ms           INTEGER NOT NULL,
    receipt                 TEXT,           -- token of the newest receive from this queue
    receive_count           INTEGER NOT NULL DEFAULT 0,         -- in this queue
    receives_before         INTEGER NOT NULL DEFAULT 0,         -- in queues it was dead-lettered from
    first_received_at_ms    INTEGER,
    dead_letter_source      TEXT            -- ARN
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_due_time ON messages (queue_id, visible_at_ms);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue_id, sent_at_ms);

CREATE TABLE IF NOT EXISTS move_tasks (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    source_arn          TEXT NOT NULL,
    to_move             INTEGER NOT NULL,
    moved               INTEGER NOT NULL,
    started_at_ms       INTEGER NOT NULL
) STRICT;
