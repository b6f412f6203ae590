"""What a ClickHouse has to be before the collector works with it, and how it is said that it is not."""

from __future__ import annotations

import re
from typing import Final

from agenttrace_collector.errors import Rejected, Unavailable

# The oldest whose engine takes, settles and answers as the present one does (`make prove NAME=versions`).
# 24.8 stops at the first column of type Variant.
MINIMUM_VERSION: Final = (25, 5)
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")


class SchemaMismatch(Rejected):
    """The database is not as a migration, or this configuration, expects it; nothing was changed."""


class EngineTooOld(SchemaMismatch):
    """The server is of a version that lacks what the schema uses."""


class SchemaMissing(Unavailable):
    """The database is empty or has an older schema: `agenttrace migrate up` is still to come."""


def require_version(version: str) -> None:
    """Raise `EngineTooOld` if a server of this version cannot hold the schema."""
    found = _VERSION.match(version)
    if found and (int(found[1]), int(found[2])) < MINIMUM_VERSION:
        needed = ".".join(map(str, MINIMUM_VERSION))
        message = f"ClickHouse is {found[1]}.{found[2]}, and {needed} or later is needed; nothing was changed"
        raise EngineTooOld(message)
