DROP TABLE IF EXISTS counted_since ${on_cluster} SYNC;
DROP TABLE IF EXISTS uncounted_runs ${on_cluster} SYNC;
-- The CHECKs of a column go before it.
ALTER TABLE run_facts ${on_cluster}
    DROP CONSTRAINT IF EXISTS check_decision_keys_decision_reason_code,
    DROP CONSTRAINT IF EXISTS check_signal_keys_signal_code,
    DROP CONSTRAINT IF EXISTS check_failure_keys_closed_set,
    DROP COLUMN IF EXISTS counted,
    DROP COLUMN IF EXISTS decision_keys,
    DROP COLUMN IF EXISTS decision_recorded,
    DROP COLUMN IF EXISTS decision_derived,
    DROP COLUMN IF EXISTS decision_first_recorded,
    DROP COLUMN IF EXISTS decision_first_derived,
    DROP COLUMN IF EXISTS decision_confidences,
    DROP COLUMN IF EXISTS decision_confidence_sums,
    DROP COLUMN IF EXISTS signal_keys,
    DROP COLUMN IF EXISTS signal_recorded,
    DROP COLUMN IF EXISTS signal_derived,
    DROP COLUMN IF EXISTS signal_recorded_true,
    DROP COLUMN IF EXISTS signal_derived_true,
    DROP COLUMN IF EXISTS failure_keys,
    DROP COLUMN IF EXISTS failure_recorded,
    DROP COLUMN IF EXISTS failure_derived,
    DROP COLUMN IF EXISTS failure_last;
