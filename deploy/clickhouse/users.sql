-- Users of a ClickHouse server with the least that each needs. Set the passwords first; on a cluster add ON CLUSTER.
-- The engine parses every statement in a test; none was run there, because the embedded engine keeps no users.

-- Makes and changes the schema: `agenttrace migrate`, by hand or in a deployment's job.
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
GRANT SELECT ON system.tables TO agenttrace_purger;

-- Reads, for dashboards and analysts of every tenant.
CREATE USER IF NOT EXISTS agenttrace_reader IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60, max_memory_usage = 4294967296;
GRANT SELECT ON agenttrace.* TO agenttrace_reader;

-- Reads of one tenant only: the views read the tables, and the policy filters these.
CREATE USER IF NOT EXISTS acme_reader IDENTIFIED WITH sha256_password BY 'set-a-password' SETTINGS readonly = 2, max_execution_time = 60, max_memory_usage = 4294967296;
GRANT SELECT ON agenttrace.* TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS acme ON agenttrace.* USING tenant = 'acme' TO acme_reader;
CREATE ROW POLICY IF NOT EXISTS everything ON agenttrace.* USING 1 TO agenttrace_migrator, agenttrace_collector, agenttrace_purger, agenttrace_reader;
