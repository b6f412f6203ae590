-- Of runs that their facts do not answer for: what is stored of them is read.
(occurred_at >= apart_since OR occurred_at < counted_from + INTERVAL 1 DAY)
          AND run_id GLOBAL IN (
            ${uncovered}
            UNION ALL
            SELECT run_id
            FROM agent_failures
            WHERE tenant = {tenant:String}
              AND occurred_at < counted_from + INTERVAL 1 DAY
              AND run_id GLOBAL NOT IN (
                ${covered_early}
              )
            UNION ALL
            SELECT run_id
            FROM derived_failures
            WHERE tenant = {tenant:String}
              AND occurred_at < counted_from + INTERVAL 1 DAY
              AND run_id GLOBAL NOT IN (
                ${covered_early}
              )
          )
