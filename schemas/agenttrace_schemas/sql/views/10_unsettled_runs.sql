-- Runs for which something arrived after they were settled, or that never were.
CREATE OR REPLACE VIEW unsettled_runs ${on_cluster} AS
SELECT tenant, run_id
FROM run_marks
WHERE marked_at > (
    SELECT greatest(max(watermark), toDateTime64('1971-01-01 00:00:00', 9, 'UTC')) FROM settle_progress
) - INTERVAL 5 MINUTE
GROUP BY tenant, run_id
HAVING maxIf(marked_at, settled = 0) > maxIf(marked_at, settled = 1);
