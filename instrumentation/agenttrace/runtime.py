"""What every part of this package works with in a process: settings, clock, ids, logger, counters."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Final

from opentelemetry._logs import Logger, get_logger
from opentelemetry.trace import TracerProvider, get_tracer_provider
from opentelemetry.util.types import AttributeValue

from agenttrace.attributes import Attributes, decision_texts
from agenttrace.counts import Counters, Counts
from agenttrace.ids import new_id
from agenttrace.settings import Settings, SettingsReader, Stated
from agenttrace_schemas.texts import REDACTED, identifier

SCOPE_NAME: Final = "agenttrace"
LOGGER: Final = logging.getLogger(SCOPE_NAME)


_REMEMBERED: Final = 4096


@dataclass(frozen=True)
class Runtime:
    """The parts of one process.

    `now` is nanoseconds since 1970, `logger` carries log events, `stated` is what `configure` was told.
    """

    settings: Settings = field(default_factory=Settings)
    now: Callable[[], int] = time.time_ns
    new_id: Callable[[], str] = new_id
    logger: Logger = field(default_factory=lambda: get_logger(SCOPE_NAME))
    counters: Counters = field(default_factory=Counters)
    stated: Stated = field(default_factory=Stated)

    @cached_property
    def _remembered(self) -> Callable[..., Attributes]:
        return lru_cache(_REMEMBERED)(partial(decision_texts, self.settings.policy))

    def decision_texts(
        self, decision_type: str, selected: str, reason_code: str, candidates: Sequence[str] | None
    ) -> Mapping[str, AttributeValue]:
        """A decision's enforced texts; the rules run once for each combination."""
        listed = tuple(candidates) if isinstance(candidates, list) else candidates
        try:
            return self._remembered(decision_type, selected, reason_code, listed)
        except TypeError:  # something that cannot be hashed: for the rules to refuse
            return decision_texts(self.settings.policy, decision_type, selected, reason_code, candidates)

    def name(self, value: object) -> str:
        """An enforced name; what is no identifier becomes `_redacted` and is counted."""
        kept = identifier(value) if isinstance(value, str) else REDACTED
        if kept is REDACTED:
            self.counters.redacted.add()
        return kept


_active: Runtime | None = None


def active() -> Runtime:
    """The runtime of this process, made from the environment at first use; never raises."""
    return _active or activate(_from_environment())


def configured() -> Runtime:
    """The runtime that `configure` goes on from; a new one in a process that has none yet."""
    return _active or Runtime()


def activate(runtime: Runtime) -> Runtime:
    """Make this the runtime of the process."""
    global _active  # noqa: PLW0603 - the one piece of state that module-level functions need
    _active = runtime
    return runtime


def provider_in_use() -> TracerProvider:
    """Where spans of ours go: the provider that `configure` was given, else the application's."""
    return active().stated.tracer_provider or get_tracer_provider()


def counters() -> Counts:
    """What was recorded, refused or could not be carried so far in this process."""
    return active().counters.snapshot()


def _from_environment() -> Runtime:
    reader = SettingsReader()
    settings = reader.read()
    for fault in reader.faults:
        LOGGER.warning("%s; the default is used", fault)
    return Runtime(settings)
