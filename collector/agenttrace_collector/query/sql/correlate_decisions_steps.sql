-- Decisions and the failures of the steps that carried them out
-- Of the runs in which a step carried out a decision of a reason, the share in which such a step failed: it ended in
-- error, or a failure was recorded for it. Set beside it are the runs in which steps carried out decisions of that
-- type, and none of that reason. Which step carries out a decision its sender says.
WITH
    ${statistics},
    ${population},
    carrying AS
    (
        SELECT
            run_id, decision_id,
            max(status = 'error' OR step_id IN (
                SELECT assumeNotNull(step_id) FROM failures WHERE tenant = {tenant:String} AND step_id IS NOT NULL
            )) AS failed
        FROM steps
        WHERE tenant = {tenant:String}
          AND decision_id IS NOT NULL
          AND role != 'wrapper'
          AND run_id IN (SELECT run_id FROM population)
        GROUP BY run_id, decision_id
    ),
    deciding AS
    (
        SELECT
            run_id, toString(decision_type) AS decision_type, toString(reason_code) AS reason_code,
            count() AS decisions, max(failed) AS is_failed
        FROM decisions
        INNER JOIN carrying ON carrying.run_id = decisions.run_id AND assumeNotNull(carrying.decision_id) = decisions.decision_id
        WHERE ${scope}
          AND ({source:String} = '' OR source = {source:String})
        GROUP BY run_id, decision_type, reason_code
    ),
    of_type AS
    (
        SELECT
            *,
            max(is_failed) OVER (PARTITION BY run_id, decision_type) AS any_failed,
            row_number() OVER (PARTITION BY run_id, decision_type ORDER BY reason_code) = 1 AS is_first
        FROM deciding
    ),
    grouped AS
    (
        SELECT
            decision_type,
            reason_code,
            sum(decisions) AS total_occurrences,
            toFloat64(count()) AS m,
            toFloat64(sum(is_failed)) AS a,
            toFloat64(sum(countIf(is_first)) OVER (PARTITION BY decision_type)) - m AS n,
            toFloat64(sum(countIf(is_first AND any_failed = 1)) OVER (PARTITION BY decision_type)) - sum(any_failed) AS b
        FROM of_type
        GROUP BY decision_type, reason_code
    ),
    (SELECT groupArray((decision_type, reason_code, total_occurrences, m, a, n, b)) FROM grouped) AS grouped_rows,
    counted AS
    (
        SELECT
            each.1 AS decision_type, each.2 AS reason_code, each.3 AS total_occurrences, each.4 AS m, each.5 AS a, each.6 AS n, each.7 AS b
        FROM (SELECT arrayJoin(grouped_rows) AS each)
    ),
    ${tested}
SELECT
    decision_type, reason_code, total_occurrences, toUInt64(m) AS runs,
    toUInt64(a) AS runs_with_failed_steps, rate_a AS step_failure_rate,
    low_a AS step_failure_rate_low, high_a AS step_failure_rate_high,
    toUInt64(n) AS runs_with_other_reasons, toUInt64(b) AS other_runs_with_failed_steps,
    rate_b AS rate_of_other_reasons,
    ${findings}
FROM placed
ORDER BY decision_type, reason_code
