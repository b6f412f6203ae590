-- Approvals of coding agents, by what decided
SELECT
    agent_id AS agent,
    tool_name AS tool,
    selected,
    reason_code AS reason,
    count() AS decisions
FROM decisions
WHERE decision_type = 'approval' AND agent_id IN ('claude-code', 'codex', 'gemini-cli')
GROUP BY agent, tool, selected, reason
ORDER BY decisions DESC, agent, tool, selected, reason
LIMIT 12
