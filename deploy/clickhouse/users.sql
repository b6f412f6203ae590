-- Users of a ClickHouse server with the least that each needs. Set the passwords first.
-- Made by `python -m deploy.generate`, which knows the tables. The engine parses every statement in a test, and the row
-- policies run in it as those of its one user; the statements themselves were not run, because the embedded engine
-- keeps no users.

-- Makes and changes the schema: `agenttrace migrate`, by hand or in a deployment's job. The materialized views that
-- note which runs wait run with its rights (DEFINER): inserts fail when it is dropped.
CREATE USER IF NOT EXISTS agenttrace_migrator IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT, INSERT ON agenttrace.* TO agenttrace_migrator;
GRANT SELECT ON system.tables TO agenttrace_migrator;
GRANT SELECT ON system.columns TO agenttrace_migrator;

-- Writes rows and settles runs: `exporters.clickhouse.endpoint`. It cannot change what is stored, because an
-- ALTER … UPDATE is not checked, nor delete it.
CREATE USER IF NOT EXISTS agenttrace_collector IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT SELECT, INSERT ON agenttrace.* TO agenttrace_collector;
GRANT SELECT ON system.tables TO agenttrace_collector;
GRANT SELECT ON system.columns TO agenttrace_collector;

-- Erases: `exporters.clickhouse.purge_endpoint`, for `agenttrace purge`.
CREATE USER IF NOT EXISTS agenttrace_purger IDENTIFIED WITH sha256_password BY 'set-a-password';
GRANT SELECT, ALTER DELETE ON agenttrace.* TO agenttrace_purger;
GRANT INSERT ON agenttrace.counted_since TO agenttrace_purger;
GRANT SELECT ON system.tables TO agenttrace_purger;

-- Reads, for dashboards and analysts of every tenant. MAX: nobody gives himself more.
CREATE USER IF NOT EXISTS agenttrace_reader IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 4294967296 MAX 4294967296, max_result_rows = 1000000 MAX 1000000;
GRANT SELECT ON agenttrace.* TO agenttrace_reader;
-- For the dashboard of the collector, which shows how much is stored.
GRANT SELECT ON system.parts TO agenttrace_reader;

-- Reads of one tenant only: views run with the rights of the user who asks, and the policies filter the tables that
-- they read. Tables without a tenant (progress of settling, thresholds, migrations) have none.
CREATE USER IF NOT EXISTS acme_reader IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 4294967296 MAX 4294967296, max_result_rows = 1000000 MAX 1000000;
GRANT SELECT ON agenttrace.* TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS acme ON agenttrace.agent_runs, agenttrace.agent_steps, agenttrace.agent_failures, agenttrace.agent_decisions, agenttrace.agent_quality_signals, agenttrace.agent_rejections, agenttrace.span_links, agenttrace.run_facts, agenttrace.settled_steps, agenttrace.derived_failures, agenttrace.derived_decisions, agenttrace.derived_signals, agenttrace.run_marks, agenttrace.agent_evaluations, agenttrace.agent_outcomes, agenttrace.uncounted_runs, agenttrace.gate_receipts USING tenant = 'acme' TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS everything ON agenttrace.agent_runs, agenttrace.agent_steps, agenttrace.agent_failures, agenttrace.agent_decisions, agenttrace.agent_quality_signals, agenttrace.agent_rejections, agenttrace.span_links, agenttrace.run_facts, agenttrace.settled_steps, agenttrace.derived_failures, agenttrace.derived_decisions, agenttrace.derived_signals, agenttrace.run_marks, agenttrace.agent_evaluations, agenttrace.agent_outcomes, agenttrace.uncounted_runs, agenttrace.gate_receipts USING 1 TO agenttrace_migrator, agenttrace_collector, agenttrace_purger, agenttrace_reader;
