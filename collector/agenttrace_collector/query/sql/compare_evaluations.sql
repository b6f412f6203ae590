-- Evaluations of two versions
-- By how much the numbers that evaluators gave to runs of the second version differ from those of the first; the
-- number of a run is the mean of its own.
WITH
    ${statistics},
    population AS
    (
        SELECT run_id, agent_version AS version
        FROM ${heads}
        WHERE ${of_versions}
    ),
    run_means AS
    (
        SELECT name, version, avg(assumeNotNull(score)) AS mean
        FROM evaluations
        INNER JOIN population USING (run_id)
        WHERE ${scored}
        GROUP BY run_id, name, version
    ),
    compared AS
    (
        SELECT
            name, '' AS kind, '' AS type, '' AS code, mean,
            -- A version that is compared with itself is in both groups.
            arrayJoin(arrayFilter(each -> if(each, {version_b:String}, {version_a:String}) = version, [false, true])) AS present
        FROM run_means
    ),
    ${means_tested}
SELECT
    name,
    toUInt64(n) AS version_a_runs, mean_absent AS version_a_mean,
    toUInt64(m) AS version_b_runs, mean_present AS version_b_mean,
    ${findings}
FROM placed
ORDER BY name
