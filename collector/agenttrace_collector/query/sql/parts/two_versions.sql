-- The runs of both versions, and how many there are of each.
chosen AS
    (
        SELECT run_id, agent_version AS version, status
        FROM ${heads}
        WHERE ${of_versions}
    ),
    (SELECT (countIf(version = {version_a:String}), countIf(version = {version_b:String})) FROM chosen) AS all_runs,
    toFloat64(assumeNotNull(all_runs.1)) AS n,
    toFloat64(assumeNotNull(all_runs.2)) AS m
