"""The floors of the collector: the one list that the tests of imports and of calls read."""

from __future__ import annotations

from typing import Final

# From the top down: a room imports rooms of lower floors only, and of its own floor only itself.
# `demo` is what a command of `cli` starts. `storage` opens what `service` runs, and a purge without a service.
# `server` stands above `telemetry`: connections are counted, and /metrics asks for a token.
FLOORS: Final = (
    ("cli",),
    ("demo", "launch"),
    ("service",),
    ("storage",),
    ("web",),
    ("api", "sql_endpoint"),
    ("forward",),
    ("receivers",),
    ("settle", "delivery"),
    ("query", "journal"),
    ("decode",),
    ("clickhouse",),
    ("server",),
    ("telemetry",),
    ("config",),
    ("errors",),
)
FLOOR: Final = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
