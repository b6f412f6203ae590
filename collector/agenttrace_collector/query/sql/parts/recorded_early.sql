-- Recorded on the first day, of runs that have no facts which answer for them.
tenant = {tenant:String}
              AND recorded_at < counted_from + INTERVAL 1 DAY
              AND run_id GLOBAL NOT IN (
                ${covered_early}
              )
