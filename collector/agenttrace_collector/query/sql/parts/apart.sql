-- The runs that their facts do not answer for, settled or not.
apart AS
    (
        SELECT tenant, run_id, agent_id, agent_version, environment, status, started_at
        FROM run_facts FINAL
        WHERE tenant = {tenant:String}
          AND run_id GLOBAL NOT IN (
            ${unsettled}
          )
          AND (NOT counted OR started_at < counted_from OR run_id GLOBAL IN (
            ${uncounted}
          ))
        UNION ALL
        SELECT tenant, run_id, agent_id, agent_version, environment, status, started_at
        FROM live_runs
        WHERE tenant = {tenant:String}
    )
