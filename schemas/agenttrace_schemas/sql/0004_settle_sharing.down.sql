DROP TABLE IF EXISTS settle_collectors ${on_cluster} SYNC;
