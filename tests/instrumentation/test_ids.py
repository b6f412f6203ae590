"""Ids: valid, the host's random numbers untouched, different after a fork."""

from __future__ import annotations

import os
import random
from uuid import RFC_4122, UUID

from agenttrace.ids import new_id


def test_ids_are_random_uuids() -> None:
    """Version 4 in the usual form, no two alike."""
    drawn = [new_id() for _ in range(1000)]
    parsed = [UUID(text) for text in drawn]
    assert all((one.version, one.variant) == (4, RFC_4122) for one in parsed)
    assert [str(one) for one in parsed] == drawn
    assert len(set(drawn)) == 1000


def test_the_host_keeps_its_random_numbers() -> None:
    """An agent that seeds the module-wide generator gets the same numbers, and ids do not repeat."""
    random.seed(7)
    state, first = random.getstate(), new_id()
    assert random.getstate() == state
    random.seed(7)
    assert new_id() != first


def test_a_fork_draws_other_ids() -> None:
    """Without a new seed, the child's next id would be the parent's next id."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    drawn = os.read(reader, 36).decode()
    os.close(reader)
    os.close(writer)
    assert drawn != new_id()
