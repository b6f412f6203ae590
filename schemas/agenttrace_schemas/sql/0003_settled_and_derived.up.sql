-- What settling writes: a run's facts, its steps as settled, what is derived from them, and which runs
-- wait for it. A row of a later round replaces the one before it, or takes it back (is_deleted).
-- requires: agent_runs(run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at)
-- requires: agent_steps(step_id, run_id, seq, step_type, name, latency_ms, started_at, ended_at, metadata, created_at)
-- requires: agent_failures(failure_id, run_id, step_id, failure_type, failure_code, message, created_at)
-- requires: agent_decisions(decision_id, run_id, step_id, decision_type, selected, reason_code, recorded_at)
-- requires: agent_quality_signals(signal_id, run_id, step_id, signal_type, signal_code, value, recorded_at)
-- requires: span_links(tenant, run_id, trace_id, span_id, parent_span_id)

CREATE TABLE IF NOT EXISTS run_facts ${on_cluster}
(
    run_id UUID,
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    status LowCardinality(String),
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    parent_run_id Nullable(UUID),
    conversation_id String CODEC(ZSTD(1)),
    actor LowCardinality(String),
    source LowCardinality(String),
    error_type LowCardinality(String),
    steps UInt32,
    failed_steps UInt32,
    model_calls UInt32,
    tool_calls UInt32,
    retrievals UInt32,
    retries UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    documents Nullable(UInt64),
    step_ids Array(UUID),
    rules_version UInt32,
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant, agent_id, agent_version, started_at, run_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS settled_steps ${on_cluster}
(
    step_id UUID,
    run_id UUID,
    seq UInt32,
    step_type LowCardinality(String),
    name LowCardinality(String),
    latency_ms Float64,
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    metadata Map(LowCardinality(String), Variant(Bool, Float64, Int64, String)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    actor LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    parent_span_id UInt64,
    role LowCardinality(String),
    operation LowCardinality(String),
    status LowCardinality(String),
    error_type LowCardinality(String),
    tool_name LowCardinality(String),
    model LowCardinality(String),
    response_model LowCardinality(String),
    input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    retrieval_count Nullable(UInt64),
    finish_reason LowCardinality(String),
    stream Nullable(Bool),
    output_type LowCardinality(String),
    attempt Nullable(UInt64),
    conversation_id String CODEC(ZSTD(1)),
    source LowCardinality(String),
    rules_version UInt32,
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant, agent_id, agent_version, step_type, started_at, step_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS derived_failures ${on_cluster}
(
    failure_id UUID,
    run_id UUID,
    step_id Nullable(UUID),
    failure_type LowCardinality(String),
    failure_code LowCardinality(String),
    message String CODEC(ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    occurred_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    metadata Map(LowCardinality(String), Variant(Bool, Float64, Int64, String)),
    source LowCardinality(String),
    rule LowCardinality(String),
    rules_version UInt32,
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant, agent_id, agent_version, failure_type, occurred_at, failure_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS derived_decisions ${on_cluster}
(
    decision_id UUID,
    run_id UUID,
    step_id Nullable(UUID),
    decision_type LowCardinality(String),
    selected String CODEC(ZSTD(1)),
    reason_code LowCardinality(String),
    confidence Nullable(Float64),
    metadata Map(LowCardinality(String), Variant(Bool, Float64, Int64, String)),
    recorded_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    actor LowCardinality(String),
    candidates Array(String) CODEC(ZSTD(1)),
    trace_id UUID,
    span_id UInt64,
    rule LowCardinality(String),
    rules_version UInt32,
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, agent_id, agent_version, decision_type, recorded_at, decision_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS derived_signals ${on_cluster}
(
    signal_id UUID,
    run_id UUID,
    step_id Nullable(UUID),
    signal_type LowCardinality(String),
    signal_code LowCardinality(String),
    value Bool,
    weight Nullable(Float64),
    metadata Map(LowCardinality(String), Variant(Bool, Float64, Int64, String)),
    recorded_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    actor LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    rule LowCardinality(String),
    rules_version UInt32,
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, agent_id, agent_version, signal_type, recorded_at, signal_id)
SETTINGS ${settings};

-- The thresholds that derived signals were made with, from the configuration of the collector that settles.
CREATE TABLE IF NOT EXISTS derive_thresholds ${on_cluster}
(
    threshold LowCardinality(String),
    value UInt64,
    recorded_at DateTime64(9, 'UTC')
)
ENGINE = ${engine}(recorded_at)
ORDER BY threshold
SETTINGS ${settings};

-- Which runs something arrived for (settled = 0), and up to when settling has seen them (settled = 1).
CREATE TABLE IF NOT EXISTS run_marks ${on_cluster}
(
    marked_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    run_id UUID,
    earliest DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    latest DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    settled UInt8
)
ENGINE = ${plain_engine}
PARTITION BY toDate(marked_at)
ORDER BY (marked_at, tenant, run_id)
TTL toDateTime(marked_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

-- Every run that is not settled has its first mark after the last of these times.
CREATE TABLE IF NOT EXISTS settle_progress ${on_cluster}
(
    watermark DateTime64(9, 'UTC'),
    recorded_at DateTime64(9, 'UTC')
)
ENGINE = ${plain_engine}
ORDER BY recorded_at
TTL toDateTime(recorded_at) + INTERVAL 30 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_runs ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(started_at) AS earliest, max(started_at) AS latest, 0 AS settled
FROM agent_runs
GROUP BY tenant, run_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_steps ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(started_at) AS earliest, max(started_at) AS latest, 0 AS settled
FROM agent_steps
GROUP BY tenant, run_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_failures ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(occurred_at) AS earliest, max(occurred_at) AS latest, 0 AS settled
FROM agent_failures
GROUP BY tenant, run_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_decisions ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(recorded_at) AS earliest, max(recorded_at) AS latest, 0 AS settled
FROM agent_decisions
GROUP BY tenant, run_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_quality_signals ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(recorded_at) AS earliest, max(recorded_at) AS latest, 0 AS settled
FROM agent_quality_signals
GROUP BY tenant, run_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_span_links ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(started_at) AS earliest, max(started_at) AS latest, 0 AS settled
FROM span_links
GROUP BY tenant, run_id;
