-- What of each request did not leave a gate, by rule and key.

CREATE TABLE IF NOT EXISTS gate_receipts ${on_cluster}
(
    receipt_id UUID,
    request_id UUID,
    received_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    rule LowCardinality(String),
    attribute_key String,
    records UInt64,
    tenant LowCardinality(String),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, received_at, request_id, receipt_id)
SETTINGS ${settings};
