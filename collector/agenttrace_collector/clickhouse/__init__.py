"""Everything that is known about ClickHouse: clients, types, the schema, purging."""
