-- Users of a ClickHouse cluster with the least that each needs. Set the passwords first.
-- The cluster's definition in remote_servers needs a <secret>, so that each shard is asked by the user who asks:
-- the row policies are on the tables of the shards. `CLUSTER` is for statements ON CLUSTER, `REMOTE` for making
-- Distributed tables.
-- Made by `python -m deploy.generate`, which knows the tables. The engine parses every statement in a test, and the row
-- policies run in it as those of its one user; the statements themselves were not run, because the embedded engine
-- keeps no users.

-- Makes and changes the schema: `agenttrace migrate`, by hand or in a deployment's job. The materialized views that
-- note which runs wait run with its rights (DEFINER): inserts fail when it is dropped.
CREATE USER IF NOT EXISTS agenttrace_migrator ON CLUSTER '{cluster}' IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT ON CLUSTER '{cluster}' CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT, INSERT ON agenttrace.* TO agenttrace_migrator;
GRANT ON CLUSTER '{cluster}' SELECT ON system.tables TO agenttrace_migrator;
GRANT ON CLUSTER '{cluster}' SELECT ON system.columns TO agenttrace_migrator;
GRANT ON CLUSTER '{cluster}' CLUSTER, REMOTE ON *.* TO agenttrace_migrator;

-- Writes rows and settles runs: `exporters.clickhouse.endpoint`. It cannot change what is stored, because an
-- ALTER … UPDATE is not checked, nor delete it.
CREATE USER IF NOT EXISTS agenttrace_collector ON CLUSTER '{cluster}' IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT ON CLUSTER '{cluster}' SELECT, INSERT ON agenttrace.* TO agenttrace_collector;
GRANT ON CLUSTER '{cluster}' SELECT ON system.tables TO agenttrace_collector;
GRANT ON CLUSTER '{cluster}' SELECT ON system.columns TO agenttrace_collector;

-- Erases: `exporters.clickhouse.purge_endpoint`, for `agenttrace purge`.
CREATE USER IF NOT EXISTS agenttrace_purger ON CLUSTER '{cluster}' IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT ON CLUSTER '{cluster}' SELECT, ALTER DELETE ON agenttrace.* TO agenttrace_purger;
GRANT ON CLUSTER '{cluster}' INSERT ON agenttrace.counted_since TO agenttrace_purger;
GRANT ON CLUSTER '{cluster}' SELECT ON system.tables TO agenttrace_purger;
GRANT ON CLUSTER '{cluster}' INSERT ON agenttrace.counted_since_local TO agenttrace_purger;
GRANT ON CLUSTER '{cluster}' CLUSTER ON *.* TO agenttrace_purger;

-- Reads, for dashboards and analysts of every tenant. MAX: nobody gives himself more.
CREATE USER IF NOT EXISTS agenttrace_reader ON CLUSTER '{cluster}' IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 4294967296 MAX 4294967296, max_result_rows = 1000000 MAX 1000000;
GRANT ON CLUSTER '{cluster}' SELECT ON agenttrace.* TO agenttrace_reader;
-- For the dashboard of the collector, which shows how much is stored.
GRANT ON CLUSTER '{cluster}' SELECT ON system.parts TO agenttrace_reader;

-- Reads of one tenant only: views run with the rights of the user who asks, and the policies filter the tables that
-- they read. Tables without a tenant (progress of settling, thresholds, migrations) have none.
CREATE USER IF NOT EXISTS acme_reader ON CLUSTER '{cluster}' IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 4294967296 MAX 4294967296, max_result_rows = 1000000 MAX 1000000;
GRANT ON CLUSTER '{cluster}' SELECT ON agenttrace.* TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS acme ON CLUSTER '{cluster}' ON agenttrace.agent_runs_local, agenttrace.agent_steps_local, agenttrace.agent_failures_local, agenttrace.agent_decisions_local, agenttrace.agent_quality_signals_local, agenttrace.agent_rejections_local, agenttrace.span_links_local, agenttrace.run_facts_local, agenttrace.settled_steps_local, agenttrace.derived_failures_local, agenttrace.derived_decisions_local, agenttrace.derived_signals_local, agenttrace.run_marks_local, agenttrace.agent_evaluations_local, agenttrace.agent_outcomes_local, agenttrace.uncounted_runs_local, agenttrace.gate_receipts_local USING tenant = 'acme' TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS everything ON CLUSTER '{cluster}' ON agenttrace.agent_runs_local, agenttrace.agent_steps_local, agenttrace.agent_failures_local, agenttrace.agent_decisions_local, agenttrace.agent_quality_signals_local, agenttrace.agent_rejections_local, agenttrace.span_links_local, agenttrace.run_facts_local, agenttrace.settled_steps_local, agenttrace.derived_failures_local, agenttrace.derived_decisions_local, agenttrace.derived_signals_local, agenttrace.run_marks_local, agenttrace.agent_evaluations_local, agenttrace.agent_outcomes_local, agenttrace.uncounted_runs_local, agenttrace.gate_receipts_local USING 1 TO agenttrace_migrator, agenttrace_collector, agenttrace_purger, agenttrace_reader;
