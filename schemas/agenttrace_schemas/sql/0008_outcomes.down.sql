DROP VIEW IF EXISTS mark_outcomes ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_outcomes ${on_cluster} SYNC;
