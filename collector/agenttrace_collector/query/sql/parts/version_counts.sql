-- The rows of `by_key` (runs of both versions with the key) beside all runs of the versions: those of the empty key.
counted AS
    (
        SELECT *
        FROM (SELECT *, sumIf(a, key = '') OVER () AS m, sumIf(b, key = '') OVER () AS n FROM by_key)
        WHERE key != ''
    )
