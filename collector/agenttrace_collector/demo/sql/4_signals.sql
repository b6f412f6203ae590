-- Quality signals by type and code
SELECT
    signal_type AS signal,
    signal_code AS code,
    countIf(value) AS observed,
    countIf(NOT value) AS observed_not,
    uniqExact(run_id) AS runs,
    arrayStringConcat(arraySort(groupUniqArray(agent_id)), ', ') AS agents
FROM agent_quality_signals FINAL
GROUP BY signal, code
ORDER BY signal, runs DESC, code
