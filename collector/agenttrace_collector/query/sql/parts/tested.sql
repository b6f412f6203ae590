-- The rows of `counted` (`a` of `m` runs in one group, `b` of `n` in the other) with their shares and what is tested,
-- by p-value: the difference of the shares with Newcombe's hybrid interval; a pooled two-proportion z test, or
-- Fisher's exact test where an expected count is under five; phi as effect size. The engine plans each of these
-- expressions anew together with all that it is made from, ClickHouse 25.5 for ten seconds and more: statements count
-- first and hand the counts over as one value, `grouped_rows`.
tested AS
    (
        SELECT
            *, share(a, m) AS rate_a, wilson_low(a, m) AS low_a, wilson_high(a, m) AS high_a,
            share(b, n) AS rate_b, wilson_low(b, n) AS low_b, wilson_high(b, n) AS high_b,
            rate_a - rate_b AS difference,
            difference - sqrt(pow(rate_a - low_a, 2) + pow(high_b - rate_b, 2)) AS difference_low,
            difference + sqrt(pow(high_a - rate_a, 2) + pow(rate_b - low_b, 2)) AS difference_high,
            a + b AS having, m + n - having AS lacking,
            m = 0 OR n = 0 OR having = 0 OR lacking = 0 AS is_constant,
            if(is_constant, NULL, (a * (n - b) - b * (m - a)) / sqrt(m * n * having * lacking)) AS effect_size,
            least(m, n) < least_support AS under_support,
            multiIf(under_support, 'none', least(m, n) * least(having, lacking) / (m + n) < 5, 'exact', 'z') AS test,
            -- Of the tables with these margins, the logarithms of their probabilities but for a constant, from the
            -- least possible `a` on; each follows from its neighbour, so that large counts lose no digits.
            greatest(0, having - n) AS least_a,
            if(test != 'exact', [], arrayPushFront(arrayCumSum(
                x -> log(m - x) + log(having - x) - log(x + 1) - log(n - having + x + 1),
                range(toInt64(least_a), toInt64(least(m, having)))
            ), 0.)) AS logs,
            arrayMax(logs) AS top,
            arrayMap(each -> exp(each - top), logs) AS masses,
            arrayElement(masses, toInt64(a - least_a) + 1) * (1 + 1e-7) AS own,
            multiIf(
                under_support, NULL,
                test = 'exact', least(1., arraySum(each -> if(each <= own, each, 0.), masses) / arraySum(masses)),
                is_constant, 1.,
                erfc(abs(difference / sqrt(having / (m + n) * lacking / (m + n) * (1 / m + 1 / n))) / sqrt(2))
            ) AS p_value
        FROM counted
    ),
    placed AS
    (
        SELECT *, row_number() OVER (ORDER BY p_value ASC NULLS LAST) AS place, count(p_value) OVER () AS tests
        FROM tested
    )
