"""The HTTP API (specification, section 9): named queries of one tenant, and run documents."""
