-- Signals and outcome: percent of success in runs with the signal, and in the agent's others
-- The unit is the run. Agents with fewer than 20 runs are left out: too few to say anything.
WITH
    outcomes AS
    (
        SELECT agent_id, run_id, any(status = 'success') AS ok
        FROM agent_runs FINAL
        GROUP BY agent_id, run_id
    ),
    agents AS
    (
        SELECT agent_id, count() AS runs, countIf(ok) AS ok
        FROM outcomes
        GROUP BY agent_id
        HAVING runs >= 20
    ),
    observed AS (SELECT DISTINCT agent_id, signal_type, signal_code, value, run_id FROM agent_quality_signals)
SELECT
    observed.agent_id AS agent,
    signal_type AS signal,
    signal_code AS code,
    if(value, 'true', 'false') AS value,
    count() AS runs,
    round(100 * countIf(outcomes.ok) / runs, 1) AS success_with,
    round(100 * (any(agents.ok) - countIf(outcomes.ok)) / nullIf(any(agents.runs) - runs, 0), 1) AS success_without
FROM observed
INNER JOIN outcomes ON outcomes.run_id = observed.run_id
INNER JOIN agents ON agents.agent_id = observed.agent_id
GROUP BY agent, signal, code, value
ORDER BY runs DESC, agent, signal, code, value
