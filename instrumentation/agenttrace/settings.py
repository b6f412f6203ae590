"""What a process is told through AGENTTRACE_* variables: switches, carriers and the rules' policy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from opentelemetry.trace import TracerProvider

from agenttrace_schemas.rules import FailureMessages, Labels, Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY, Vocabulary
from agenttrace_schemas.vocabulary_file import InvalidVocabulary, load_extension

ENABLED: Final = "AGENTTRACE_ENABLED"
DECISIONS: Final = "AGENTTRACE_DECISIONS"
EVENTS: Final = "AGENTTRACE_EVENTS"
STRICT: Final = "AGENTTRACE_STRICT"
VOCABULARY_FILE: Final = "AGENTTRACE_VOCABULARY"
LABELS: Final = "AGENTTRACE_LABELS"
FAILURE_MESSAGES: Final = "AGENTTRACE_FAILURE_MESSAGES"
ENVIRONMENT: Final = "AGENTTRACE_ENVIRONMENT"

Carriers: TypeAlias = Literal["span", "log", "both"]

_BOOLEANS: Final = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


class InvalidSetting(ValueError):
    """A variable holds something else than what is allowed; the message names it, not its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    `enabled` switches everything, `policy.decisions` decisions and signals. `strict` raises into
    the caller what is otherwise logged and counted: for tests.
    """

    enabled: bool = True
    events: Carriers = "span"
    strict: bool = False
    environment: str = ""
    policy: Policy = field(default_factory=Policy)

    @property
    def records_decisions(self) -> bool:
        """Whether decisions and signals are recorded."""
        return self.enabled and self.policy.decisions


@dataclass(frozen=True, slots=True)
class Stated:
    """The arguments of `configure`; None: not stated, so that the variables decide."""

    agent_id: str | None = None
    agent_version: str | None = None
    environment: str | None = None
    events: Carriers | None = None
    labels: Labels | None = None
    vocabulary: Vocabulary | None = None
    tracer_provider: TracerProvider | None = None
    endpoint: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)

    def then(self, later: Stated) -> Stated:
        """What holds after a later call: its arguments, and of the earlier ones those it leaves out."""
        kept = self
        if later.agent_id is not None and later.agent_id != self.agent_id:
            kept = replace(self, agent_version=None)  # the version was that of another agent
        told = {
            field.name: value for field in fields(later) if (value := getattr(later, field.name)) is not None
        }
        return replace(kept, **told)

    def over(self, settings: Settings) -> Settings:
        """The settings with these arguments in place of what the variables say."""
        policy = settings.policy
        return replace(
            settings,
            environment=self.environment or settings.environment,
            events=self.events or settings.events,
            policy=replace(
                policy,
                labels=self.labels or policy.labels,
                vocabulary=self.vocabulary or policy.vocabulary,
            ),
        )


class SettingsReader:
    """Reads variables one by one; what is not allowed leaves a fault and the default."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self.faults: list[str] = []

    def read(self) -> Settings:
        """The settings, and in `faults` a sentence for each variable that could not be read."""
        return Settings(
            enabled=self._boolean(ENABLED, default=True),
            events=cast("Carriers", self._choice(EVENTS, ("span", "log", "both"))),
            strict=self._boolean(STRICT, default=False),
            environment=self._variables.get(ENVIRONMENT, ""),
            policy=Policy(
                vocabulary=self._vocabulary(),
                labels=cast("Labels", self._choice(LABELS, ("token", "words", "relaxed"))),
                failure_messages=cast(
                    "FailureMessages", self._choice(FAILURE_MESSAGES, ("template", "keep"))
                ),
                decisions=self._boolean(DECISIONS, default=True),
            ),
        )

    def _boolean(self, name: str, *, default: bool) -> bool:
        stated = self._variables.get(name, "").strip().lower()
        if stated in _BOOLEANS:
            return _BOOLEANS[stated]
        if stated:
            self.faults.append(f"{name}: must be one of {', '.join(_BOOLEANS)}")
        return default

    def _choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """The first of the allowed values is the default."""
        stated = self._variables.get(name, "").strip().lower()
        if stated and stated not in allowed:
            self.faults.append(f"{name}: must be one of {', '.join(allowed)}")
        return stated if stated in allowed else allowed[0]

    def _vocabulary(self) -> Vocabulary:
        path = self._variables.get(VOCABULARY_FILE, "")
        try:
            return read_vocabulary(path, VOCABULARY_FILE) if path else VOCABULARY
        except InvalidSetting as error:
            self.faults.append(str(error))
            return VOCABULARY


def read_vocabulary(path: str | Path, name: str) -> Vocabulary:
    """The vocabulary with a site's extension file; raises `InvalidSetting` that names the setting, not the path."""
    try:
        return load_extension(path)
    except InvalidVocabulary as error:
        message = f"{name}: {error}"
        raise InvalidSetting(message) from error
    except FileNotFoundError:
        message = f"{name}: must be the path of a vocabulary file, and there is no file at that path"
    except (OSError, TypeError, ValueError, RecursionError):
        message = f"{name}: must be the path of a vocabulary file, and that path cannot be read"
    # Not chained: the error of the file system repeats the path.
    raise InvalidSetting(message)


def read_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises `InvalidSetting` that names every variable that could not be read."""
    reader = SettingsReader(variables)
    settings = reader.read()
    if reader.faults:
        raise InvalidSetting("; ".join(reader.faults))
    return settings
