-- Decisions by type and stated reason
SELECT
    decision_type AS decision,
    reason_code AS reason,
    count() AS recorded,
    round(avg(confidence), 2) AS mean_confidence,
    arrayStringConcat(arraySort(groupUniqArray(selected)), ', ') AS selected
FROM agent_decisions FINAL
GROUP BY decision, reason
ORDER BY decision, recorded DESC, reason
