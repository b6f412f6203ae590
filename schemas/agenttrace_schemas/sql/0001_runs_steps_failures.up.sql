-- Runs, steps and failures: what works alone, without decisions and signals.
-- Each sort key serves tenant, agent, version, type and time, and ends in the row's id, so that a row
-- that arrives twice falls together. Partitions follow the record's own time and are monthly: a
-- request may hold records of five years (rule time.range), and an insert at most 100 partitions.

CREATE TABLE IF NOT EXISTS agent_runs ${on_cluster}
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
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant, agent_id, agent_version, started_at, run_id, span_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS agent_steps ${on_cluster}
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
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant, agent_id, agent_version, step_type, started_at, step_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS agent_failures ${on_cluster}
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
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant, agent_id, agent_version, failure_type, occurred_at, failure_id)
SETTINGS ${settings};
