-- Outcomes of two versions
-- In which share of its runs either version ended so, and by how much the second differs from the first.
WITH
    ${statistics},
    ${two_versions},
    counted AS
    (
        SELECT
            status AS outcome,
            toFloat64(countIf(version = {version_b:String})) AS a,
            toFloat64(countIf(version = {version_a:String})) AS b,
            m, n
        FROM chosen
        GROUP BY status
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
