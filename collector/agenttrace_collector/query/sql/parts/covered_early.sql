-- Of the runs that their facts answer for those that may have records of the first day.
SELECT run_id
                FROM run_facts FINAL
                WHERE tenant = {tenant:String}
                  AND counted
                  AND started_at >= counted_from
                  AND started_at < counted_from + INTERVAL 1 DAY
