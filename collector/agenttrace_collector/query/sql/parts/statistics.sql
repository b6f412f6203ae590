-- Statistics of counts of runs, as lambdas: of `k` of `n` runs the share and Wilson's interval at 95 %. The engine
-- puts a lambda in wherever it is named, and takes the longer to plan, the more that is: what follows from these
-- stands in the steps of `tested`.
    toFloat64(1.959963984540054) AS z95,
    10 AS least_support,
    (k, n) -> if(n = 0, NULL, k / n) AS share,
    (k, n) -> multiIf(k = 0, 0., n = 0, NULL, greatest(
        0., (k + z95 * z95 / 2 - z95 * sqrt(k * (n - k) / n + z95 * z95 / 4)) / (n + z95 * z95)
    )) AS wilson_low,
    (k, n) -> multiIf(k = n, 1., n = 0, NULL, least(
        1., (k + z95 * z95 / 2 + z95 * sqrt(k * (n - k) / n + z95 * z95 / 4)) / (n + z95 * z95)
    )) AS wilson_high
