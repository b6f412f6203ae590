-- Decisions on tool calls in a range of time, of one tool where one is named.
approvals AS
    (
        SELECT
            agent_id, agent_version, tool_name, selected, reason_code, run_id, wait_ms, recorded_at,
            startsWith(reason_code, 'user_') AS by_person
        FROM decisions
        WHERE ${scope}
          AND ${recorded}
          AND decision_type = 'approval'
          AND ({tool:String} = '' OR tool_name = {tool:String})
    )
