DROP TABLE IF EXISTS agent_failures ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_steps ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_runs ${on_cluster} SYNC;
