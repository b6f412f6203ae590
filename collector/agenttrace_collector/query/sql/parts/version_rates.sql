-- The share of the runs of each version, with Wilson's interval at 95 %.
toUInt64(b) AS version_a_runs_with, toUInt64(n) AS version_a_runs, rate_b AS version_a_run_rate,
    low_b AS version_a_run_rate_low, high_b AS version_a_run_rate_high,
    toUInt64(a) AS version_b_runs_with, toUInt64(m) AS version_b_runs, rate_a AS version_b_run_rate,
    low_a AS version_b_run_rate_low, high_a AS version_b_run_rate_high
