"""The subject of a purge: a run, an agent, a conversation, or the rows before a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class SubjectKind(StrEnum):
    """The kinds of subjects."""

    RUN = "run"
    AGENT = "agent"
    CONVERSATION = "conversation"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a purge, of one tenant.

    `value`: a run's UUID, an agent's id, a conversation as it is stored (`names.conversation_hash`), or for
    `before` nanoseconds since 1970: every row is placed by its own time, so that a run may lose its beginning.
    """

    kind: SubjectKind
    value: str | int | UUID
    tenant: str
