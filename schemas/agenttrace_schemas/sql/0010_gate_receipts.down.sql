DROP TABLE IF EXISTS gate_receipts ${on_cluster} SYNC;
