"""The HTTP API of the specification, section 9: named queries asked for one tenant, and runs taken as documents."""
