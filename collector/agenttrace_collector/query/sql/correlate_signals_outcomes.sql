-- Outcomes of runs with and without a signal
-- In which share of the runs with a signal the outcome was the wanted one (success by default), and in those without.
WITH
    if({outcome:String} = '', 'success', {outcome:String}) AS wanted,
    population AS
    (
        SELECT run_id, status
        FROM runs
        WHERE tenant = {tenant:String}
          AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
          AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
          AND ({environment:String} = '' OR environment = {environment:String})
          AND ({tool:String} = '' OR run_id IN (SELECT run_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
          AND started_at >= {start_time:DateTime64(6, 'UTC')} AND started_at < {end_time:DateTime64(6, 'UTC')}
    ),
    (SELECT count() FROM population) AS all_runs,
    (SELECT countIf(status = wanted) FROM population) AS all_wanted
SELECT
    signal_type,
    signal_code,
    sum(occurrences) AS total_occurrences,
    count() AS runs_present,
    toUInt64(assumeNotNull(all_runs)) - runs_present AS runs_absent,
    countIf(status = wanted) AS wanted_present,
    toUInt64(assumeNotNull(all_wanted)) - wanted_present AS wanted_absent,
    wanted_present / runs_present AS success_rate_when_present,
    if(runs_absent = 0, NULL, wanted_absent / runs_absent) AS success_rate_when_absent,
    toFloat64(runs_present) * runs_absent * (wanted_present + wanted_absent)
        * (all_runs - wanted_present - wanted_absent) AS product,
    if(
        product = 0,
        NULL,
        (
            toFloat64(wanted_present) * (runs_absent - wanted_absent)
            - toFloat64(wanted_absent) * (runs_present - wanted_present)
        ) / sqrt(product)
    ) AS correlation_strength
FROM
(
    SELECT run_id, signal_type, signal_code, count() AS occurrences
    FROM quality_signals
    WHERE tenant = {tenant:String}
      AND value
      AND ({source:String} = '' OR source = {source:String})
      AND run_id IN (SELECT run_id FROM population)
    GROUP BY run_id, signal_type, signal_code
) AS signals
INNER JOIN population ON population.run_id = signals.run_id
GROUP BY signal_type, signal_code
ORDER BY signal_type, signal_code
