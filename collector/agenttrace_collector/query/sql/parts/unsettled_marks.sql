-- Marks of the tenant's runs of which something is not settled, as the view `unsettled_runs` has them of all tenants.
FROM run_marks
                WHERE tenant = {tenant:String}
                  AND marked_at > (
                      SELECT greatest(max(watermark), toDateTime64('1971-01-01 00:00:00', 9, 'UTC')) FROM settle_progress
                  ) - INTERVAL 5 MINUTE
                GROUP BY run_id
                HAVING maxIf(marked_at, settled = 0) > maxIf(marked_at, settled = 1)
