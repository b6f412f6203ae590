"""The collector: OTLP in, enforced rows to ClickHouse, answers out."""
