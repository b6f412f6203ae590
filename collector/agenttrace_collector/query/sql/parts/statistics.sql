-- Statistics of counts of runs, as lambdas: `k` of `n` runs, or `a` of `m` in one group and `b` of `n` in the other.
-- Wilson's interval at 95 %; the difference of two shares with Newcombe's hybrid interval; a pooled
-- two-proportion z test, or Fisher's exact test where an expected count is under five; phi.
    toFloat64(1.959963984540054) AS z95,
    10 AS least_support,
    (k, n) -> if(n = 0, NULL, k / n) AS share,
    (k, n) -> if(n = 0, NULL, z95 * sqrt(k * (n - k) / n + z95 * z95 / 4) / (n + z95 * z95)) AS wilson_half,
    (k, n) -> if(n = 0, NULL, (k + z95 * z95 / 2) / (n + z95 * z95)) AS wilson_centre,
    (k, n) -> if(k = 0, 0., greatest(0., wilson_centre(k, n) - wilson_half(k, n))) AS wilson_low,
    (k, n) -> if(k = n, 1., least(1., wilson_centre(k, n) + wilson_half(k, n))) AS wilson_high,
    (a, m, b, n) -> share(a, m) - share(b, n) AS difference_of,
    (a, m, b, n) -> difference_of(a, m, b, n) - sqrt(
        pow(share(a, m) - wilson_low(a, m), 2) + pow(wilson_high(b, n) - share(b, n), 2)
    ) AS difference_from,
    (a, m, b, n) -> difference_of(a, m, b, n) + sqrt(
        pow(wilson_high(a, m) - share(a, m), 2) + pow(share(b, n) - wilson_low(b, n), 2)
    ) AS difference_to,
    (a, m, b, n) -> least(m, n) * least(a + b, m + n - a - b) / (m + n) AS least_expected,
    (a, m, b, n) -> if(a + b = 0 OR a + b = m + n, 0., difference_of(a, m, b, n) / sqrt(
        (a + b) / (m + n) * (m + n - a - b) / (m + n) * (1 / m + 1 / n)
    )) AS z_of,
    -- Of the tables with these margins, the logarithms of their probabilities but for a constant, from the
    -- least possible `a` on; each follows from its neighbour, so that large counts lose no digits.
    (m, n, k) -> arrayPushFront(arrayCumSum(x -> log(m - x) + log(k - x) - log(x + 1) - log(n - k + x + 1),
        range(toInt64(greatest(0, k - n)), toInt64(least(m, k)))), 0.) AS log_masses,
    (logs, top) -> arrayMap(each -> exp(each - top), logs) AS masses,
    (found, own) -> arraySum(each -> if(each <= own * (1 + 1e-7), each, 0.), found) / arraySum(found) AS tail,
    (found, a, m, b, n) -> tail(found, arrayElement(found, toInt64(a - greatest(0, a + b - n)) + 1)) AS tail_of,
    (logs, a, m, b, n) -> tail_of(masses(logs, arrayMax(logs)), a, m, b, n) AS tail_from,
    (a, m, b, n) -> tail_from(log_masses(m, n, a + b), a, m, b, n) AS fisher,
    (a, m, b, n) -> least(m, n) < least_support AS too_few,
    (a, m, b, n) -> multiIf(too_few(a, m, b, n), 'none', least_expected(a, m, b, n) < 5, 'exact', 'z') AS test_of,
    (a, m, b, n) -> multiIf(
        too_few(a, m, b, n), NULL,
        least_expected(a, m, b, n) < 5, least(1., fisher(a, m, b, n)),
        erfc(abs(z_of(a, m, b, n)) / sqrt(2))
    ) AS p_of,
    (a, m, b, n) -> if(m = 0 OR n = 0 OR a + b = 0 OR a + b = m + n, NULL,
        (a * (n - b) - b * (m - a)) / sqrt(m * n * (a + b) * (m + n - a - b))) AS phi_of
