"""Counts and erases the rows of a subject in every table that holds anything of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from agenttrace_collector.clickhouse.client import ClickHouse
from agenttrace_collector.clickhouse.purge_subject import Subject, SubjectKind
from agenttrace_schemas.migrations import PROFILES
from agenttrace_schemas.retention import TIMES
from agenttrace_schemas.wire import UNKNOWN

# These know runs only; an agent's runs are looked up, so that they are erased while that can be done.
_WITHOUT_AGENT: Final = ("span_links", "run_marks", "agent_outcomes")
# Of whoever measured a run and did not say whose it is.
_AGENT_UNSTATED: Final = ("agent_evaluations",)
_WITH_CONVERSATION: Final = ("agent_runs", "agent_steps", "run_facts", "settled_steps")
_WITH_STEPS: Final = ("agent_runs", "agent_steps")
_TABLES: Final = (
    *_WITHOUT_AGENT,
    *_AGENT_UNSTATED,
    *(table for table in TIMES if table not in (*_WITHOUT_AGENT, *_AGENT_UNSTATED)),
)
# What a statement names at a time; a conversation seldom has more runs.
_RUNS_AT_ONCE: Final = 10_000
# Rows that arrive or are settled meanwhile are met by the next round.
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases by mutations: rows are gone from every answer on return.

    ClickHouse removes the files that held them some eight minutes later (`old_parts_lifetime`).
    """

    database: ClickHouse

    def count(self, subject: Subject) -> dict[str, int]:
        """How many stored rows there are by table, versions of a row that replace each other included."""
        rows = dict.fromkeys(TIMES, 0)
        for table, condition, parameters in self._chosen(subject, dict.fromkeys(TIMES, "")):
            statement = f"SELECT count() FROM {table} WHERE {condition}"  # noqa: S608 - tables of this module
            ((found,),) = self.database.query(statement, parameters)
            rows[table] += found
        return {table: found for table, found in rows.items() if found}

    def erase(self, subject: Subject) -> dict[str, int]:
        """Erase them; what was there by table. Raises `Unavailable` where some cannot be erased now."""
        self._record(subject)
        erased: dict[str, int] = {}
        for _ in range(_ROUNDS):
            if not (found := self.count(subject)):
                break
            for table, rows in found.items():
                erased[table] = erased.get(table, 0) + rows
            self._erase(subject)
        return erased

    def _record(self, subject: Subject) -> None:
        """Records which runs may lose records that their facts count; other subjects take the facts along.

        A run that began before a time keeps what came later. Records that name no agent count for their run's.
        """
        since = ""
        if subject.kind is SubjectKind.BEFORE:
            since = f"fromUnixTimestamp64Nano({int(str(subject.value)):d}, 'UTC')"
        elif subject.kind is SubjectKind.AGENT and subject.value == UNKNOWN:
            since = "now64(9)"
        if since:
            self.database.command(f"INSERT INTO counted_since SELECT 'purged', {since}, 0, now64(9)")

    def _erase(self, subject: Subject) -> None:
        suffixes = self._suffixes()
        for table, condition, parameters in self._chosen(subject, suffixes):
            statement = f"ALTER TABLE {table}{suffixes[table]} DELETE WHERE {condition}"
            self.database.mutate(statement, parameters)

    def _chosen(
        self, subject: Subject, suffixes: Mapping[str, str]
    ) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each table with the condition that chooses rows of it, and its parameters."""
        for value in self._values(subject):
            parameters = {"tenant": subject.tenant, "value": value}
            for table in _TABLES:
                condition = _condition(subject.kind, table, suffixes)
                yield table, f"tenant = {{tenant:String}} AND {condition}", parameters

    def _values(self, subject: Subject) -> Iterator[Any]:
        """The value that the conditions take; a conversation becomes its runs, some at a time."""
        if subject.kind is not SubjectKind.CONVERSATION:
            yield str(subject.value) if isinstance(subject.value, UUID) else subject.value
            return
        runs = self._runs_of(subject)
        for start in range(0, len(runs), _RUNS_AT_ONCE):
            yield runs[start : start + _RUNS_AT_ONCE]

    def _runs_of(self, subject: Subject) -> Sequence[str]:
        chosen = " UNION DISTINCT ".join(
            f"SELECT run_id FROM {table} WHERE tenant = {{tenant:String}} AND conversation_id = {{value:String}}"  # noqa: S608
            for table in _WITH_CONVERSATION
        )
        parameters = {"tenant": subject.tenant, "value": subject.value}
        return [str(run) for (run,) in self.database.query(chosen, parameters)]

    def _suffixes(self) -> dict[str, str]:
        """What follows a table's name where it is stored: on a cluster the rows lie in local tables."""
        rows = self.database.query(
            "SELECT name, engine FROM system.tables WHERE database = currentDatabase()"
        )
        engines = {str(name): str(engine) for name, engine in rows}
        local = f"_local {PROFILES['cluster']['on_cluster']}"
        return {table: local if engines.get(table) == "Distributed" else "" for table in TIMES}


def _condition(kind: SubjectKind, table: str, suffixes: Mapping[str, str]) -> str:
    if kind is SubjectKind.RUN:
        return "run_id = {value:UUID}"
    if kind is SubjectKind.CONVERSATION:
        return "run_id IN {value:Array(UUID)}"
    if kind is SubjectKind.BEFORE:
        return f"{TIMES[table]} < fromUnixTimestamp64Nano({{value:Int64}})"
    if table in _WITHOUT_AGENT:
        return _of_agent(suffixes)
    stated = "agent_id = {value:String}"
    return f"({stated} OR {_of_agent(suffixes)})" if table in _AGENT_UNSTATED else stated


def _of_agent(suffixes: Mapping[str, str]) -> str:
    """A run is whole on its shard, so that the local tables know of it; tables over all shards are asked once."""
    where = "IN" if any(suffixes.values()) else "GLOBAL IN"
    runs = " UNION DISTINCT ".join(
        f"SELECT run_id FROM {table}{suffixes[table].partition(' ')[0]}"  # noqa: S608 - as above
        " WHERE tenant = {tenant:String} AND agent_id = {value:String}"
        for table in _WITH_STEPS
    )
    return f"run_id {where} ({runs})"
