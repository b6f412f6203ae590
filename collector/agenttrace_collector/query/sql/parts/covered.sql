-- Of a tenant the runs that their facts answer for.
tenant = {tenant:String}
          AND counted
          AND started_at >= counted_from
          AND run_id GLOBAL NOT IN (
            ${unsettled}
            UNION ALL
            ${uncounted}
          )
