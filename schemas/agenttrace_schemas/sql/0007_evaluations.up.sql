-- What others measured of runs and steps: a name, a score or a label; no words of theirs.
-- requires: agent_runs(run_id, agent_id, agent_version, environment, started_at)

CREATE TABLE IF NOT EXISTS agent_evaluations ${on_cluster}
(
    evaluation_id UUID,
    run_id UUID,
    step_id Nullable(UUID),
    name LowCardinality(String),
    score Nullable(Float64),
    label LowCardinality(String),
    error_type LowCardinality(String),
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
    source LowCardinality(String),
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, agent_id, agent_version, name, recorded_at, evaluation_id)
SETTINGS ${settings};
