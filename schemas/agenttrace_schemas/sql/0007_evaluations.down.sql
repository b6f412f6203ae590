DROP TABLE IF EXISTS agent_evaluations ${on_cluster} SYNC;
