"""The embedded database for ClickHouse clients: read-only SQL over HTTP in ClickHouse's own form."""

from agenttrace_collector.sql_endpoint.app import build_sql_app, open_sql

__all__ = ["build_sql_app", "open_sql"]
