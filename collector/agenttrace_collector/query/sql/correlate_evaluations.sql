-- Evaluations of runs with and without a decision or a signal
-- By how much the numbers that evaluators gave to runs with a stated reason, or with a signal that was observed as
-- true, differ from those of the other runs that were evaluated so; the number of a run is the mean of its own.
WITH
    ${statistics},
    ${population},
    run_means AS
    (
        SELECT run_id, name, avg(assumeNotNull(score)) AS mean
        FROM evaluations
        WHERE ${scored}
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id, name
    ),
    stated AS
    (
        SELECT DISTINCT run_id, 'decision' AS kind, toString(decision_type) AS type, toString(reason_code) AS code
        FROM decisions
        WHERE tenant = {tenant:String}
          AND ({source:String} = '' OR source = {source:String})
          AND run_id IN (SELECT run_id FROM agent_evaluations WHERE tenant = {tenant:String})
        UNION ALL
        SELECT DISTINCT run_id, 'signal' AS kind, toString(signal_type) AS type, toString(signal_code) AS code
        FROM quality_signals
        WHERE tenant = {tenant:String}
          AND value
          AND ({source:String} = '' OR source = {source:String})
          AND run_id IN (SELECT run_id FROM agent_evaluations WHERE tenant = {tenant:String})
    ),
    scored AS
    (
        SELECT name, mean, codes, groupUniqArrayArray(codes) OVER () AS kinds
        FROM run_means
        LEFT JOIN
        (
            SELECT run_id, groupUniqArray((kind, type, code)) AS codes FROM stated GROUP BY run_id
        ) AS stated_of_run USING (run_id)
    ),
    compared AS
    (
        SELECT name, each.1 AS kind, each.2 AS type, each.3 AS code, mean, has(codes, each) AS present
        FROM scored
        ARRAY JOIN kinds AS each
    ),
    ${means_tested}
SELECT
    name, kind, type, code,
    toUInt64(m) AS runs_present, toUInt64(n) AS runs_absent, mean_present, mean_absent,
    ${findings}
FROM placed
WHERE m > 0
ORDER BY name, kind, type, code
