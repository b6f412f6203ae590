-- Decisions on tool calls in a range of time, of one tool where one is named. How long a person made a call wait is
-- told by the decision, or by a span of its own below the call.
waits AS
    (
        SELECT assumeNotNull(decision_id) AS decision_id, toNullable(max(toUInt64(round(latency_ms)))) AS waited_ms
        FROM steps
        WHERE ${scope}
          AND role = 'wrapper'
          AND decision_id IS NOT NULL
          AND started_at < {end_time:DateTime64(6, 'UTC')} AND ended_at >= {start_time:DateTime64(6, 'UTC')}
        GROUP BY decision_id
    ),
    approvals AS
    (
        SELECT
            agent_id, agent_version, tool_name, selected, reason_code, run_id,
            ifNull(decisions.wait_ms, waits.waited_ms) AS wait_ms, recorded_at,
            startsWith(reason_code, 'user_') AS by_person
        FROM decisions
        LEFT JOIN waits ON waits.decision_id = decisions.decision_id
        WHERE ${scope}
          AND ${recorded}
          AND decision_type = 'approval'
          AND ({tool:String} = '' OR tool_name = {tool:String})
    )
