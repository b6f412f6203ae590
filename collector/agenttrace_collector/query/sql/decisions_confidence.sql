-- Confidence of decisions
-- How many decisions of each type state a confidence within each tenth of the range from 0 to 1.
SELECT
    decision_type,
    least(floor(assumeNotNull(confidence) * 10) / 10, 0.9) AS from_confidence,
    count() AS count
FROM decisions
WHERE ${scope}
  AND ${recorded}
  AND ${tool}
  AND ({decision_type:String} = '' OR decision_type = {decision_type:String})
  AND isNotNull(confidence)
GROUP BY decision_type, from_confidence
ORDER BY decision_type, from_confidence
