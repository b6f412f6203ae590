-- The tenant's runs as the view `runs` has them, without what comes of their steps: half the plan, and of the runs that
-- wait only the tenant's own are looked at.
(
            SELECT tenant, run_id, agent_id, agent_version, environment, status, started_at
            FROM run_facts FINAL
            WHERE tenant = {tenant:String}
              AND run_id GLOBAL NOT IN (
                ${unsettled}
              )
            UNION ALL
            SELECT tenant, run_id, agent_id, agent_version, environment, status, started_at
            FROM live_runs
            WHERE tenant = {tenant:String}
        )
