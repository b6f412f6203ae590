DROP TABLE IF EXISTS span_links ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_rejections ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_quality_signals ${on_cluster} SYNC;
DROP TABLE IF EXISTS agent_decisions ${on_cluster} SYNC;
