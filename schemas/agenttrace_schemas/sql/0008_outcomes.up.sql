-- How runs ended, as said after their end; each has its run settled again.
-- requires: agent_runs(run_id, agent_id, agent_version, environment, started_at)
-- requires: run_marks(marked_at, tenant, run_id, earliest, latest, settled)

CREATE TABLE IF NOT EXISTS agent_outcomes ${on_cluster}
(
    outcome_id UUID,
    run_id UUID,
    status LowCardinality(String),
    failure_type LowCardinality(String),
    failure_code LowCardinality(String),
    recorded_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    created_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    source LowCardinality(String),
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(created_at)
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (tenant, run_id, recorded_at, outcome_id)
SETTINGS ${settings};

CREATE MATERIALIZED VIEW IF NOT EXISTS mark_outcomes ${on_cluster} TO run_marks AS
SELECT now64(9, 'UTC') AS marked_at, tenant, run_id, min(recorded_at) AS earliest, max(recorded_at) AS latest, 0 AS settled
FROM agent_outcomes
GROUP BY tenant, run_id;
