-- The rows of `compared` (the mean of a run, and whether the run is in the first group), tested: the difference of
-- the means of both groups with the interval of Welch, the test of Mann and Whitney, and the rank-biserial
-- correlation as effect size. Groups of fewer than ten runs are not tested; the tests take no empty group, so that
-- they are given another sample then. The engine puts a subquery in wherever it is named: each is named once.
counted AS
    (
        SELECT
            name, kind, type, code,
            toFloat64(countIf(present)) AS m, toFloat64(countIf(NOT present)) AS n,
            if(m = 0, NULL, avgIf(mean, present)) AS mean_present,
            if(n = 0, NULL, avgIf(mean, NOT present)) AS mean_absent,
            least(m, n) < least_support AS under_support,
            if(under_support, [(0., true), (1., true), (0., false), (1., false)], groupArray((mean, NOT present))) AS sample
        FROM compared
        GROUP BY name, kind, type, code
    ),
    tested AS
    (
        SELECT
            name, kind, type, code, m, n, mean_present, mean_absent, under_support,
            mean_present - mean_absent AS difference,
            arrayReduce('welchTTest(0.95)', sample.1, sample.2) AS welch,
            arrayReduce('mannWhitneyUTest(\'two-sided\')', sample.1, sample.2) AS ranks,
            if(under_support OR NOT isFinite(welch.3), NULL, welch.3) AS difference_low,
            if(under_support OR NOT isFinite(welch.4), NULL, welch.4) AS difference_high,
            if(under_support, NULL, 2 * ranks.1 / (m * n) - 1) AS effect_size,
            if(under_support, 'none', 'mann_whitney') AS test,
            if(under_support OR NOT isFinite(ranks.2), NULL, ranks.2) AS p_value
        FROM counted
    ),
    placed AS
    (
        SELECT *, row_number() OVER (ORDER BY p_value ASC NULLS LAST) AS place, count(p_value) OVER () AS tests
        FROM tested
    )
