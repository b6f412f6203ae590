-- The share of the runs of each version, with Wilson's interval at 95 %.
toUInt64(b) AS version_a_runs_with, toUInt64(n) AS version_a_runs, share(b, n) AS version_a_run_rate,
    wilson_low(b, n) AS version_a_run_rate_low, wilson_high(b, n) AS version_a_run_rate_high,
    toUInt64(a) AS version_b_runs_with, toUInt64(m) AS version_b_runs, share(a, m) AS version_b_run_rate,
    wilson_low(a, m) AS version_b_run_rate_low, wilson_high(a, m) AS version_b_run_rate_high
