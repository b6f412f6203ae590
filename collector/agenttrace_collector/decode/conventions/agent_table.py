"""What a table of a coding agent's log records says: its records, their facts, its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

RecordKind: TypeAlias = Literal["prompt", "model", "model_error", "tool", "approval", "refusal", "event"]


class StatedCodes(NamedTuple):
    """A signal or a decision that records of one name state: its type, and its code by the word of a fact, if any.

    Words are in plain form; "" stands for every word that is not listed.
    """

    type: str
    codes: Mapping[str, str]
    fact: str = ""


class AgentRecord(NamedTuple):
    """What a record of one name is, and under which attribute keys it tells its facts.

    `needs` names a fact without which the record is nothing, `without` one with which it is nothing, `only` one and
    its one word (in plain form) with which it is anything. An "event" is of a run that other records tell;
    `selected` names the fact that its decision selects.
    """

    kind: RecordKind
    facts: Mapping[str, str]
    needs: str = ""
    without: str = ""
    only: tuple[str, str] = ("", "")
    signal: StatedCodes | None = None
    decision: StatedCodes | None = None
    selected: str = ""


class CodingAgent(NamedTuple):
    """The table of one command line.

    `run_keys` tell the prompt, the first that is there; `approvals` maps a decision and its source, both
    in plain form, to what was selected and why. `versioned` says whether `service.version` is its own.
    """

    agent_id: str
    run_keys: tuple[str, ...]
    session_key: str
    records: Mapping[str, AgentRecord]
    approvals: Mapping[tuple[str, str], tuple[str, str]]
    versioned: bool = True
    # Where a run's records have a trace, it is the run; else records of some names have none at random.
    trace_is_run: bool = False
    # Whether a tool of its own that failed never ran: a command that ran and failed is no failure then.
    failed_is_unrun: bool = False
    # Whether each call that ran and failed names the type of its error: others were cancelled before they ran.
    types_failures: bool = False
    # The program's own words, as a whole, for a call that was not let through, where nothing else tells it.
    denial: re.Pattern[str] | None = None
    # Names of the agent that the user talks to, under `agent_name`; every other name is of a subagent.
    main_agents: tuple[str, ...] = ()
    # Whether a run key that counts turns, as `<subagent>#<turn>`, is of a subagent.
    counts_turns: bool = False
