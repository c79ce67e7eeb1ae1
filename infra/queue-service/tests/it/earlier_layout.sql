-- The tables as the earlier version made them, word for word: SQLite keeps their text.
CREATE TABLE IF NOT EXISTS queues (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL UNIQUE,
    attributes      TEXT NOT NULL,          -- JSON object: name to value, as SQS writes them
    tags            TEXT NOT NULL,          -- JSON object
    created_at_s    INTEGER NOT NULL,
    modified_at_s   INTEGER NOT NULL
) STRICT;

-- A message is hidden while visible_at_ms is in the future: delayed if it has no receipt, in flight
-- if it has one.
CREATE TABLE IF NOT EXISTS messages (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,  -- grows: the order of a FIFO queue
    queue_id                INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    message_id              TEXT NOT NULL,
    body                    TEXT NOT NULL,
    attributes              TEXT NOT NULL,  -- JSON object, as SQS writes it
    trace_header            TEXT,
    group_id                TEXT,
    deduplication_id        TEXT,
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
CREATE INDEX IF NOT EXISTS messages_by_group ON messages (queue_id, group_id)
    WHERE group_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS deduplications (
    queue_id            INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    scope               TEXT NOT NULL,      -- a group id, or empty: the whole queue
    deduplication_id    TEXT NOT NULL,
    message_id          TEXT NOT NULL,
    sequence_number     TEXT NOT NULL,
    expires_at_ms       INTEGER NOT NULL,
    PRIMARY KEY (queue_id, scope, deduplication_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS move_tasks (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    handle              TEXT NOT NULL,
    source_arn          TEXT NOT NULL,
    destination_arn     TEXT,
    per_second          INTEGER,
    to_move             INTEGER NOT NULL,
    moved               INTEGER NOT NULL,
    started_at_ms       INTEGER NOT NULL
) STRICT;

INSERT INTO queues VALUES
    (1, 'dead', '{"KmsMasterKeyId":"a","SqsManagedSseEnabled":"true"}', '{"a":"b"}', 0, 0),
    (2, 'polls', '{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":2}","VisibilityTimeout":"1"}', '{}', 0, 0),
    (3, 'fifo.fifo', '{"ContentBasedDeduplication":"true","DeduplicationScope":"queue","FifoQueue":"true","FifoThroughputLimit":"perQueue"}', '{}', 0, 0);
INSERT INTO messages VALUES
    (1, 1, '0ccdb7cc-d416-4af6-976d-70b9d6c0f11a', 'poison', '{}', NULL, NULL, NULL, unixepoch() * 1000, 0, NULL, 0, 2, 0, 'arn:aws:sqs:us-east-1:000000000000:polls'),
    (2, 3, '8fcd0aac-5e37-4f5c-90e2-3d1a3f09485b', 'ordered', '{}', NULL, 'g', 'id', unixepoch() * 1000, 0, NULL, 0, 0, NULL, NULL),
    (3, 2, '2a87e580-d205-43f6-836c-bd021cd94e2d', 'in flight', '{"a":{"DataType":"String","StringValue":"x"}}', NULL, NULL, NULL, unixepoch() * 1000, unixepoch() * 1000 + 900000, '94a5ac3812614f13a8e53000db42597c', 1, 0, 0, NULL);
INSERT INTO deduplications VALUES (3, '', 'id', '8fcd0aac-5e37-4f5c-90e2-3d1a3f09485b', '00000000000000000002', 0);
