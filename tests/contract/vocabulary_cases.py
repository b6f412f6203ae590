"""Every type with every code, and with one that does not exist: exactly the vocabulary is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from agenttrace_schemas import wire
from agenttrace_schemas.site_vocabulary import VOCABULARY
from tests.contract.shape import DECISION, SIGNAL, Case, Outcome

_UNKNOWN: Final = "no_such_name"


def _pairs(
    event: str, valid: Mapping[str, object], table: Mapping[str, tuple[str, ...]], keys: Mapping[str, str]
) -> Iterator[Case]:
    """`keys`: the attributes of type and code, each with the rule that refuses it."""
    (type_key, type_rule), (code_key, code_rule) = keys.items()
    for kind in (*table, _UNKNOWN):
        for code in (*dict.fromkeys(chain.from_iterable(table.values())), _UNKNOWN):
            yield Case(
                rule=code_rule if kind in table else type_rule,
                outcome=Outcome.ACCEPTED if code in table.get(kind, ()) else Outcome.REFUSED,
                event=event,
                attributes={**valid, type_key: kind, code_key: code},
            )


DECISION_PAIRS: Final = tuple(
    _pairs(
        wire.EVENT_DECISION,
        DECISION,
        VOCABULARY.decisions,
        {wire.DECISION_TYPE: "decision.type", wire.DECISION_REASON_CODE: "decision.reason_code"},
    )
)
SIGNAL_PAIRS: Final = tuple(
    _pairs(
        wire.EVENT_SIGNAL,
        SIGNAL,
        VOCABULARY.signals,
        {wire.SIGNAL_TYPE: "signal.type", wire.SIGNAL_CODE: "signal.code"},
    )
)
