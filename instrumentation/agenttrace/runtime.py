"""What every part of this package works with in a process: settings, clock, ids, logger, counters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from opentelemetry._logs import Logger, get_logger
from opentelemetry.trace import (
    ProxyTracer,
    ProxyTracerProvider,
    Tracer,
    TracerProvider,
    get_tracer_provider,
)
from opentelemetry.util.types import AttributeValue

from agenttrace.attributes import Attributes, decision_texts
from agenttrace.counts import Counters, Counts
from agenttrace.ids import new_id
from agenttrace.notices import LOGGER, Misuse, Notices
from agenttrace.settings import Settings, SettingsReader, Stated
from agenttrace_schemas.rules import OTHER, RULES
from agenttrace_schemas.spellings import spelling
from agenttrace_schemas.texts import REDACTED, accepted

SCOPE_NAME: Final = "agenttrace"
UNCONFIGURED: Final = (
    "Nothing is recorded: nobody has set OpenTelemetry up in this process; call `agenttrace.configure()` once, "
    "at its start, or set AGENTTRACE_ENABLED=false"
)
_REMEMBERED: Final = 4096
_IDENTIFIER: Final = RULES["identifier.pattern"].allowed


@dataclass(frozen=True)
class Runtime:
    """The parts of one process.

    `now` is nanoseconds since 1970, `logger` carries log events, `notices` are the warnings given so far,
    `stated` is what `configure` was told. `capturing` takes the spans of every tracer that was made before: for tests.
    `make_logger` makes the pipeline of log records where `configure` left that for later.
    """

    settings: Settings = field(default_factory=Settings)
    now: Callable[[], int] = time.time_ns
    new_id: Callable[[], str] = new_id
    logger: Logger = field(default_factory=lambda: get_logger(SCOPE_NAME))
    counters: Counters = field(default_factory=Counters)
    notices: Notices = field(default_factory=Notices)
    stated: Stated = field(default_factory=Stated)
    capturing: TracerProvider | None = None
    make_logger: Callable[[], Logger] | None = None

    @cached_property
    def late_logger(self) -> Logger:
        """The logger of what is said of runs that have ended, whatever carries the other events."""
        return self.make_logger() if self.make_logger else self.logger

    @cached_property
    def _remembered(self) -> dict[tuple[object, ...], Attributes]:
        return {}

    def decision_texts(  # noqa: PLR0917 - by place, as the cache has them
        self,
        decision_type: str,
        selected: str,
        reason_code: str,
        candidates: Sequence[str] | None,
        tool_name: str | None,
    ) -> Mapping[str, AttributeValue]:
        """A decision's enforced texts; the rules run once for each combination."""
        listed = tuple(candidates) if isinstance(candidates, list) else candidates
        remembered, key = self._remembered, (decision_type, selected, reason_code, listed, tool_name)
        try:
            if (known := remembered.get(key)) is not None:
                return known
        except TypeError:  # something that cannot be hashed: for the rules to refuse
            return decision_texts(self.settings.policy, *key)
        found = decision_texts(self.settings.policy, *key)
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        remembered[key] = found
        return found

    def name(self, value: object, field: str) -> str:
        """An enforced name; what is no identifier becomes `_redacted`, is counted, and told under `field`."""
        kept = self._accepted(value)
        if kept is None:
            self.changed(f"{field} is recorded as {REDACTED}: it must be {_IDENTIFIER}")
            return REDACTED
        return kept

    def optional_name(self, value: object, field: str) -> str | None:
        """An enforced name; what is no identifier is left out, counted and told."""
        kept = self._accepted(value)
        if kept is None:
            self.changed(f"{field} is left out: it must be {_IDENTIFIER}")
        return kept

    def quiet_name(self, value: object) -> str:
        """An enforced name that nobody chose to pass, such as that of an exception's class: counted only."""
        kept = self._accepted(value)
        return REDACTED if kept is None else kept

    def _accepted(self, value: object) -> str | None:
        """A name that is an identifier; None, counted, for any other."""
        kept = accepted(value) if isinstance(value, str) else None
        if kept is None:
            self.counters.redacted.add()
        return kept

    def word(self, value: object, table: Mapping[str, str], field: str) -> str:
        """Our word for one in any spelling; one that is not known becomes `other`, is counted and told."""
        stated = value.value if isinstance(value, Enum) else value
        known = spelling(table, stated) if isinstance(stated, str) else None
        if known is None:
            self.counters.replaced.add()
            allowed = ", ".join(dict.fromkeys(filter(None, table.values())))
            self.changed(f"{field} is recorded as {OTHER}: it must be one of {allowed}")
        return OTHER if known is None else known

    def changed(self, sentence: str) -> None:
        """Tell that something is not recorded as it was stated; with AGENTTRACE_STRICT=1 it is raised."""
        if self.settings.strict:
            raise Misuse(sentence)
        self.notices.tell(sentence)


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


def is_set_up(tracer: Tracer | None = None) -> bool:
    """Whether anybody has set up a tracer provider: for this tracer, or for the process."""
    if tracer is not None:
        return not isinstance(tracer, ProxyTracer)
    return not isinstance(provider_in_use(), ProxyTracerProvider)


def counters() -> Counts:
    """What was recorded, refused or could not be carried so far in this process."""
    return active().counters.snapshot()


def _from_environment() -> Runtime:
    reader = SettingsReader()
    settings = reader.read()
    for fault in reader.faults:
        LOGGER.warning("%s; the default is used", fault)
    return Runtime(settings)
