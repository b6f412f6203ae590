-- Runs that their facts do not answer for, as far as they have facts or wait for them.
${unsettled}
            UNION ALL
            ${uncounted}
            UNION ALL
            SELECT run_id
            FROM run_facts FINAL
            WHERE tenant = {tenant:String}
              AND (NOT counted OR started_at < counted_from)
