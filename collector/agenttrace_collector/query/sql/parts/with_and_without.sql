-- The rows of `by_key` (`a` of `m` runs with the key) beside the runs without it: the empty key has all runs.
counted AS
    (
        SELECT *
        FROM (SELECT *, sumIf(m, key = '') OVER () - m AS n, sumIf(a, key = '') OVER () - a AS b FROM by_key)
        WHERE key != ''
    )
