-- Outcomes of two versions
-- In which share of its runs either version ended so, and by how much the second differs from the first.
WITH
    ${statistics},
    grouped AS
    (
        SELECT
            toString(status) AS outcome,
            toFloat64(countIf(agent_version = {version_b:String})) AS a,
            toFloat64(countIf(agent_version = {version_a:String})) AS b
        FROM ${heads}
        WHERE ${of_versions}
        GROUP BY status
    ),
    (SELECT groupArray((outcome, a, b)) FROM grouped) AS grouped_rows,
    counted AS
    (
        SELECT each.1 AS outcome, each.2 AS a, each.3 AS b, sum(a) OVER () AS m, sum(b) OVER () AS n
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${tested}
SELECT
    outcome,
    toUInt64(b) AS version_a_count, toUInt64(a) AS version_b_count,
    rate_b AS version_a_rate, rate_a AS version_b_rate, version_b_rate - version_a_rate AS delta,
    ${version_rates},
    ${findings}
FROM placed
ORDER BY outcome
