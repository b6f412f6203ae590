ALTER TABLE agent_steps ${on_cluster}
    DROP COLUMN IF EXISTS decision_id;
ALTER TABLE settled_steps ${on_cluster}
    DROP COLUMN IF EXISTS decision_id;
