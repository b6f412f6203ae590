-- What a settled run has of each decision, signal and failure, so that answers about many runs read one row of each;
-- the runs of which that is not so; and since when rows are sure to be there.
-- requires: run_facts(run_id, rules_version, settled_at)

ALTER TABLE run_facts ${on_cluster}
    ADD COLUMN IF NOT EXISTS counted UInt8,
    ADD COLUMN IF NOT EXISTS decision_keys Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS decision_recorded Array(UInt32),
    ADD COLUMN IF NOT EXISTS decision_derived Array(UInt32),
    ADD COLUMN IF NOT EXISTS decision_first_recorded Array(Int64),
    ADD COLUMN IF NOT EXISTS decision_first_derived Array(Int64),
    ADD COLUMN IF NOT EXISTS decision_confidences Array(UInt32),
    ADD COLUMN IF NOT EXISTS decision_confidence_sums Array(Float64),
    ADD COLUMN IF NOT EXISTS signal_keys Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS signal_recorded Array(UInt32),
    ADD COLUMN IF NOT EXISTS signal_derived Array(UInt32),
    ADD COLUMN IF NOT EXISTS signal_recorded_true Array(UInt32),
    ADD COLUMN IF NOT EXISTS signal_derived_true Array(UInt32),
    ADD COLUMN IF NOT EXISTS failure_keys Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS failure_recorded Array(UInt32),
    ADD COLUMN IF NOT EXISTS failure_derived Array(UInt32),
    ADD COLUMN IF NOT EXISTS failure_last Array(Int64);

-- Settled, with records that their facts do not count; one row for each agent that they are stored under.
CREATE TABLE IF NOT EXISTS uncounted_runs ${on_cluster}
(
    run_id UUID,
    agent_id LowCardinality(String),
    tenant LowCardinality(String),
    earliest DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    latest DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    settled_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    INDEX run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${engine}(settled_at, is_deleted)
PARTITION BY toYYYYMM(latest)
ORDER BY (tenant, agent_id, run_id, latest)
SETTINGS ${settings};

-- Rows of a kind that are older than `since`, or than so many seconds where that is not 0, may be gone: what runs
-- that began before have is asked of the rows that are left.
CREATE TABLE IF NOT EXISTS counted_since ${on_cluster}
(
    kind LowCardinality(String),
    since DateTime64(9, 'UTC'),
    seconds UInt64,
    recorded_at DateTime64(9, 'UTC')
)
ENGINE = ${plain_engine}
ORDER BY (kind, recorded_at);
