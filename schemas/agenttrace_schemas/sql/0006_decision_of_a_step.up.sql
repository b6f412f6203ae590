-- The decision that a step carries out, as its sender says.
-- requires: agent_steps(step_id, source)
-- requires: settled_steps(step_id, source)

ALTER TABLE agent_steps ${on_cluster}
    ADD COLUMN IF NOT EXISTS decision_id Nullable(UUID);

ALTER TABLE settled_steps ${on_cluster}
    ADD COLUMN IF NOT EXISTS decision_id Nullable(UUID);
