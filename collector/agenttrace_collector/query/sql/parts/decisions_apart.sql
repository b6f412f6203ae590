-- Of runs that their facts do not answer for: what is stored of them is read.
${recorded_apart}
          AND run_id GLOBAL IN (
            ${uncovered}
            UNION ALL
            SELECT run_id
            FROM agent_decisions
            WHERE ${recorded_early}
            UNION ALL
            SELECT run_id
            FROM derived_decisions
            WHERE ${recorded_early}
          )
