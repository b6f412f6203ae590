-- Evaluations by name
-- What evaluators sent in a range of time: how many evaluations of how many runs, with their labels, and the numbers
-- of runs (the mean within each run) with their mean, median and range. The interval of the mean is the normal one
-- at 95 %, for ten runs or more.
WITH
    ${statistics},
    of_run AS
    (
        SELECT
            name,
            run_id,
            count() AS found,
            countIf(isNotNull(score)) AS numbers,
            countIf(error_type != '') AS failed,
            avg(score) AS own,
            groupArrayIf(toString(label), label != '') AS labels
        FROM evaluations
        WHERE ${scope}
          AND ${recorded}
          AND ${of_evaluation}
        GROUP BY name, run_id
    ),
    counted AS
    (
        SELECT
            name,
            sum(found) AS count,
            count() AS runs,
            sum(numbers) AS scored,
            sum(failed) AS errors,
            countIf(isNotNull(own)) AS scored_runs,
            avg(own) AS mean,
            stddevSampIf(assumeNotNull(own), isNotNull(own)) AS deviation,
            z95 * deviation / sqrt(scored_runs) AS half,
            if(scored_runs = 0, NULL, quantileExactIf(0.5)(ifNull(own, 0), isNotNull(own))) AS median,
            min(own) AS least,
            max(own) AS most,
            sumMap(labels, arrayMap(each -> toUInt64(1), labels)) AS by_label
        FROM of_run
        GROUP BY name
    )
SELECT
    name, count, runs, scored, errors, scored_runs, mean,
    if(scored_runs < least_support, NULL, mean - half) AS mean_low,
    if(scored_runs < least_support, NULL, mean + half) AS mean_high,
    if(scored_runs < 2, NULL, deviation) AS deviation,
    median, least, most,
    CAST((by_label.1, by_label.2), 'Map(String, UInt64)') AS labels
FROM counted
ORDER BY name
