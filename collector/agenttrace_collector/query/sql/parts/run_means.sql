-- For each run of the population the mean of its numbers, by what is evaluated.
run_means AS
    (
        SELECT run_id, name, avg(assumeNotNull(score)) AS mean
        FROM evaluations
        WHERE tenant = {tenant:String}
          AND isNotNull(score)
          AND ${of_evaluation}
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id, name
    )
