-- The rows of `counted` (`a` of `m` runs in one group, `b` of `n` in the other) with what is tested, by p-value.
tested AS
    (
        SELECT
            *, difference_of(a, m, b, n) AS difference, difference_from(a, m, b, n) AS difference_low,
            difference_to(a, m, b, n) AS difference_high, phi_of(a, m, b, n) AS effect_size,
            too_few(a, m, b, n) AS under_support, test_of(a, m, b, n) AS test, p_of(a, m, b, n) AS p_value
        FROM counted
    ),
    placed AS
    (
        SELECT *, row_number() OVER (ORDER BY p_value ASC NULLS LAST) AS place, count(p_value) OVER () AS tests
        FROM tested
    )
