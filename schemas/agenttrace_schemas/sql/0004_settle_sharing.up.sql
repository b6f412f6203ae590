-- The collectors that settle, each seen by the clock of the database: they share the runs that wait.
CREATE TABLE IF NOT EXISTS settle_collectors ${on_cluster}
(
    seen_at DateTime64(9, 'UTC'),
    collector_id UUID,
    stopped UInt8
)
ENGINE = ${plain_engine}
ORDER BY seen_at
TTL toDateTime(seen_at) + INTERVAL 1 DAY;
