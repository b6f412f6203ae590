"""The types and codes that a site accepts: those of the specification, and what its extension file adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agenttrace_schemas.vocabulary import REASONS, SIGNAL_CODES


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The types and codes one site accepts; the mappings keep the order of the specification."""

    decisions: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, tuple[str, ...]]

    def extended(
        self, decisions: Mapping[str, Iterable[str]], signals: Mapping[str, Iterable[str]]
    ) -> Vocabulary:
        """Returns this vocabulary with codes or types added; none is removed."""
        return Vocabulary(_merged(self.decisions, decisions), _merged(self.signals, signals))


def _merged(
    known: Mapping[str, tuple[str, ...]], added: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys((*known, *added))
    return {name: tuple(dict.fromkeys((*known.get(name, ()), *added.get(name, ())))) for name in names}


def _plain(table: Mapping[str, tuple[StrEnum, ...]]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, codes)) for name, codes in table.items()}


VOCABULARY = Vocabulary(_plain(REASONS), _plain(SIGNAL_CODES))


def validate_decision_type(decision_type: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if the vocabulary contains this decision type."""
    return decision_type in vocabulary.decisions


def validate_reason_code(decision_type: str, reason_code: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if this reason code belongs to this decision type."""
    return reason_code in vocabulary.decisions.get(decision_type, ())


def validate_signal_type(signal_type: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if the vocabulary contains this signal type."""
    return signal_type in vocabulary.signals


def validate_signal_code(signal_type: str, signal_code: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """True if this signal code belongs to this signal type."""
    return signal_code in vocabulary.signals.get(signal_type, ())


def get_valid_reason_codes(decision_type: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[str, ...]:
    """Returns the reason codes of a decision type, empty for an unknown type."""
    return vocabulary.decisions.get(decision_type, ())


def get_valid_signal_codes(signal_type: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[str, ...]:
    """Returns the signal codes of a signal type, empty for an unknown type."""
    return vocabulary.signals.get(signal_type, ())
