"""What is to be purged: the rows of a run, an agent, a conversation, or of the time before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What rows are chosen by."""

    RUN = "run"
    AGENT = "agent"
    CONVERSATION = "conversation"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be erased, of one tenant.

    `value`: a run's UUID, an agent's id, a conversation as it is stored (`names.conversation_hash`), or for
    `before` nanoseconds since 1970: every row is placed by its own time, so that a run may lose its beginning.
    """

    kind: Kind
    value: str | int | UUID
    tenant: str
