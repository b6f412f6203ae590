"""The layout of an entry: table, columns with types, schema version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from agenttrace_schemas.rows import ROWS, columns


@dataclass(frozen=True, slots=True)
class Layout:
    """Table, columns and types in RowBinary order, and the schema version they were written under."""

    table: str
    columns: tuple[tuple[str, str], ...]
    version: int

    @property
    def names(self) -> tuple[str, ...]:
        """The column list of the insert."""
        return tuple(name for name, _ in self.columns)

    @property
    def types(self) -> tuple[str, ...]:
        """The ClickHouse types, column by column."""
        return tuple(kind for _, kind in self.columns)

    def dump(self) -> str:
        """The columns as text for the journal."""
        return json.dumps(self.columns)

    @classmethod
    def load(cls, table: str, dumped: str, version: int) -> Layout:
        """A layout as the journal has it."""
        return cls(table, tuple((name, kind) for name, kind in json.loads(dumped)), version)


def current_layouts(version: int) -> Mapping[str, Layout]:
    """The layouts of the row classes, by table, under this schema version."""
    return {
        row.TABLE: Layout(
            row.TABLE, tuple((name, column.type) for name, column in columns(row).items()), version
        )
        for row in ROWS
    }
