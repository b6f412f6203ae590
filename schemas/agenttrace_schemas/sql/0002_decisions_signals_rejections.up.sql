-- Decisions and quality signals, what was refused, and the parents of spans that are no steps.
-- requires: agent_runs(run_id, agent_id, agent_version, environment, status, started_at, ended_at, created_at)
-- requires: agent_steps(step_id, run_id, seq, step_type, name, latency_ms, started_at, ended_at, metadata, created_at)
-- requires: agent_failures(failure_id, run_id, step_id, failure_type, failure_code, message, created_at)

CREATE TABLE IF NOT EXISTS agent_decisions ${on_cluster}
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
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, agent_id, agent_version, decision_type, recorded_at, decision_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS agent_quality_signals ${on_cluster}
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
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, agent_id, agent_version, signal_type, recorded_at, signal_id)
SETTINGS ${settings};

CREATE TABLE IF NOT EXISTS agent_rejections ${on_cluster}
(
    rejection_id UUID,
    rejected_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    rule LowCardinality(String),
    attribute_key String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    agent_id LowCardinality(String),
    agent_version LowCardinality(String),
    environment LowCardinality(String),
    run_id Nullable(UUID),
    trace_id Nullable(UUID),
    span_id UInt64,
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(rejected_at)
ORDER BY (tenant, agent_id, agent_version, rule, rejected_at, rejection_id)
SETTINGS ${settings};

-- Needed until a run has settled, so kept for days; partitions follow the time of receipt, because a
-- short TTL drops whole days.
CREATE TABLE IF NOT EXISTS span_links ${on_cluster}
(
    tenant LowCardinality(String),
    run_id UUID,
    trace_id UUID,
    span_id UInt64,
    parent_span_id UInt64,
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ${engine}(created_at)
PARTITION BY toDate(created_at)
ORDER BY (tenant, run_id, span_id)
SETTINGS ${settings};
