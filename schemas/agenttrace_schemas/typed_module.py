"""Python modules whose signatures know a vocabulary: each type with its own codes, for completion and type checkers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from agenttrace_schemas.site_vocabulary import Vocabulary
from agenttrace_schemas.spellings import FINISH_REASONS, OUTPUT_TYPES
from agenttrace_schemas.vocabulary import (
    DecisionType,
    FailureType,
    ReasonCode,
    RunStatus,
    SignalCode,
    SignalType,
    StepType,
)

_WIDTH: Final = 100
_LINTER: Final = "\n# ruff: noqa: FBT001, I001"
_FUTURE: Final = "\n# fmt: off\nfrom __future__ import annotations\n"
_TYPING: Final = "from typing import Literal, Protocol, TypeVar, overload\n"
_ENUMS: Final = "from agenttrace_schemas.vocabulary import DecisionType, ReasonCode, SignalCode, SignalType\n"
_ARGUMENTS: Final = (
    "from agenttrace.attributes import LabelSequence, Metadata\nfrom agenttrace.numeric import Number\n"
)
_RESULT: Final = 'R_co = TypeVar("R_co", covariant=True)\n'
_DECISION: Final = """\
    @overload
    def __call__(
        self,
        decision_type: {type},
        selected: str,
        reason_code: {codes},
        candidates: LabelSequence | None = None,
        confidence: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
        *,
        tool_name: str | None = None,
        wait_ms: Number | None = None,
    ) -> R_co: ...
"""
_SIGNAL: Final = """\
    @overload
    def __call__(
        self,
        signal_type: {type},
        signal_code: {codes},
        value: bool,
        weight: Number | None = None,
        step_id: str | None = None,
        metadata: Metadata | None = None,
    ) -> R_co: ...
"""
_SITE: Final = '''\
class SiteRecorder(Protocol):
    """A run or a step whose methods know the codes of this site."""

    @property
    def record_decision(self) -> DecisionCall[str | None]:
        """As `Run.record_decision`."""
        ...

    @property
    def decision(self) -> DecisionCall[DecisionBlock]:
        """As `Run.decision`."""
        ...

    @property
    def record_quality_signal(self) -> SignalCall[str | None]:
        """As `Run.record_quality_signal`."""
        ...


def of(recorder: Run | Step) -> SiteRecorder:
    """The run or step itself, whose methods know the codes of this site."""
    return cast("SiteRecorder", recorder)


record_decision = cast("DecisionCall[str | None]", agenttrace.record_decision)
record_quality_signal = cast("SignalCall[str | None]", agenttrace.record_quality_signal)
'''


def codes_module(vocabulary: Vocabulary) -> str:
    """The module of the closed lists as `Literal` types, the vocabulary's codes among them."""
    lists = (
        _alias("FailureName", map(_quoted, FailureType), " | FailureType"),
        _alias("StepName", map(_quoted, StepType), " | StepType"),
        _alias("StatusName", map(_quoted, RunStatus), " | RunStatus"),
        _alias("FinishReason", map(_quoted, FINISH_REASONS)),
        _alias("OutputType", map(_quoted, OUTPUT_TYPES)),
    )
    return (
        '"""The closed lists as types. Made by `python -m deploy.generate`."""\n'
        + _FUTURE
        + "\nfrom typing import Literal, TypeAlias\n\n"
        + "from agenttrace_schemas.vocabulary import FailureType, ReasonCode, RunStatus, SignalCode, StepType\n\n"
        + "".join((*lists, *_code_aliases(vocabulary)))
    )


def calls_module(vocabulary: Vocabulary) -> str:
    """The module of the signatures of what records, one overload for each type of the vocabulary."""
    names = ", ".join(sorted((*_names(vocabulary.decisions, "Reason"), *_names(vocabulary.signals, "Code"))))
    imported = textwrap.fill(names, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return (
        '"""Signatures of what records, by the vocabulary. Made by `python -m deploy.generate`."""\n'
        + _LINTER
        + _FUTURE
        + f"\n{_TYPING}\n{_ARGUMENTS.partition(chr(10))[0]}\n"
        + f"from agenttrace.codes import (\n{imported},\n)\n{_ARGUMENTS.partition(chr(10))[2]}"
        + "from agenttrace_schemas.vocabulary import DecisionType, SignalType\n\n"
        + _RESULT
        + "\n\n"
        + _calls(vocabulary)
    )


def site_module(vocabulary: Vocabulary) -> str:
    """A site's own module: its codes as types, and what records with signatures that know them."""
    return (
        '"""The codes of this site, typed. Made by `agenttrace vocabulary module`: make it anew when they change."""\n'
        + _LINTER
        + _FUTURE
        + f"\n{_TYPING.replace('TypeVar, ', 'TypeAlias, TypeVar, cast, ')}\n"
        + f"import agenttrace\nfrom agenttrace import DecisionBlock, Run, Step\n{_ARGUMENTS}{_ENUMS}\n"
        + _RESULT
        + "\n"
        + "".join(_code_aliases(vocabulary))
        + "\n\n"
        + _calls(vocabulary)
        + "\n\n"
        + _SITE
    )


def _calls(vocabulary: Vocabulary) -> str:
    decisions = [
        _DECISION.format(type=_type(name, DecisionType), codes=alias)
        for name, alias in _named(vocabulary.decisions, "Reason")
    ]
    signals = [
        _SIGNAL.format(type=_type(name, SignalType), codes=alias)
        for name, alias in _named(vocabulary.signals, "Code")
    ]
    return (
        'class DecisionCall(Protocol[R_co]):\n    """Records a decision: a type, and one of its own reasons."""\n\n'
        + "\n".join(decisions)
        + '\n\nclass SignalCall(Protocol[R_co]):\n    """Records a quality signal: a type, and one of its own codes."""\n\n'
        + "\n".join(signals)
    )


def _code_aliases(vocabulary: Vocabulary) -> Iterable[str]:
    for name, alias in _named(vocabulary.decisions, "Reason"):
        yield _alias(alias, _members(vocabulary.decisions[name], ReasonCode))
    for name, alias in _named(vocabulary.signals, "Code"):
        yield _alias(alias, _members(vocabulary.signals[name], SignalCode))


def _named(types: Mapping[str, tuple[str, ...]], suffix: str) -> list[tuple[str, str]]:
    """The types that have codes, and the alias of these; `a_1` and `a1` are two aliases."""
    taken: set[str] = set()
    named = []
    for name in (name for name, codes in types.items() if codes):
        alias = "".join(part.capitalize() for part in name.split("_")) + suffix
        while alias in taken:
            alias += "_"
        taken.add(alias)
        named.append((name, alias))
    return named


def _names(types: Mapping[str, tuple[str, ...]], suffix: str) -> list[str]:
    return [alias for _, alias in _named(types, suffix)]


def _members(words: Iterable[str], members: type[StrEnum]) -> Iterable[str]:
    """The words as strings, then as members of the enumeration as far as it has them."""
    listed = list(words)
    known = {str(member): f"{members.__name__}.{member.name}" for member in members}
    return (*map(_quoted, listed), *(known[word] for word in listed if word in known))


def _type(name: str, members: type[StrEnum]) -> str:
    return f"Literal[{', '.join(_members([name], members))}]"


def _alias(name: str, members: Iterable[str], other: str = "") -> str:
    listed = textwrap.fill(
        ", ".join(members),
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{name}: TypeAlias = Literal[\n{listed},\n]{other}\n"


def _quoted(word: str) -> str:
    return f'"{word}"'
