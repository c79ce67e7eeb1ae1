-- Takes out of a file of the earlier layout what is not stored any more. Queues and messages stay; a
-- FIFO queue becomes a standard one.
PRAGMA foreign_keys = OFF; -- or messages would go with the table of queues that is replaced
BEGIN;
DROP TABLE deduplications;
DROP TABLE move_tasks;
DROP INDEX messages_by_group;
ALTER TABLE messages DROP COLUMN attributes;
ALTER TABLE messages DROP COLUMN group_id;
ALTER TABLE messages DROP COLUMN deduplication_id;
CREATE TABLE queues_without_tags (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL UNIQUE,
    attributes      TEXT NOT NULL
) STRICT;
INSERT INTO queues_without_tags SELECT id, name, json_remove(attributes,
    '$.FifoQueue', '$.ContentBasedDeduplication', '$.DeduplicationScope', '$.FifoThroughputLimit',
    '$.KmsDataKeyReusePeriodSeconds', '$.KmsMasterKeyId', '$.SqsManagedSseEnabled',
    '$.Policy', '$.RedriveAllowPolicy') FROM queues;
DROP TABLE queues;
ALTER TABLE queues_without_tags RENAME TO queues;
COMMIT;
