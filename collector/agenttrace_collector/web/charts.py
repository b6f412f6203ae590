"""Charts for plotly, each with the rows for the table and the CSV under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

ChartRow: TypeAlias = Mapping[str, Any]
# Places in the palette that the style sheet has for light and dark.
COLOURS: Final = {"successful": 1, "failed": 2, "partial": 3, "true": 1, "false": 2}


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure: title, plotly traces, columns and rows of its table, and the link to its CSV."""

    title: str
    traces: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    rows: Sequence[ChartRow]
    csv: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 280

    @property
    def spec(self) -> dict[str, Any]:
        """The figure as the page's script passes it to plotly."""
        return {"data": list(self.traces), "layout": {"height": self.height, **self.layout}}


def stacked(rows: Sequence[ChartRow], x: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """A bar for each row, made of these columns under their labels."""
    return [
        {
            "type": "bar",
            "name": label,
            "x": [_shown(row[x]) for row in rows],
            "y": [row[column] for row in rows],
            "meta": COLOURS.get(column.removesuffix("_count"), place),
        }
        for place, (column, label) in enumerate(names.items(), 1)
    ]


def lines(rows: Sequence[ChartRow], x: str, y: str, by: str) -> list[dict[str, Any]]:
    """A line for each value of a column."""
    found = dict.fromkeys(str(row[by]) for row in rows)
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [_shown(row[x]) for row in rows if str(row[by]) == name],
            "y": [row[y] for row in rows if str(row[by]) == name],
            "meta": place,
        }
        for place, name in enumerate(found, 1)
    ]


def columns(rows: Sequence[ChartRow], x: str, y: str, by: str) -> list[dict[str, Any]]:
    """Bars beside each other for each value of a column."""
    return [{**each, "type": "bar"} for each in lines(rows, x, y, by)]


def horizontal_bars(
    labels: Sequence[str], values: Sequence[float], name: str, colour: int = 1
) -> list[dict[str, Any]]:
    """Returns a horizontal bar for each label, the first on top."""
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": list(labels)[::-1],
            "x": list(values)[::-1],
            "meta": colour,
        }
    ]


def heat(
    x: Sequence[str], y: Sequence[str], z: Sequence[Sequence[float | None]], unit: str
) -> list[dict[str, Any]]:
    """Returns a heat map of `z`, rows by `y`; a None is an empty cell."""
    return [
        {
            "type": "heatmap",
            "x": list(x),
            "y": list(y),
            "z": [list(row) for row in z],
            "hovertemplate": f"%{{y}}<br>%{{x}}: %{{z}} {unit}<extra></extra>",
            "xgap": 2,
            "ygap": 2,
        }
    ]


def chart_height(rows: int) -> int:
    """Returns the height in pixels for so many horizontal bars."""
    return max(200, 60 + 26 * rows)


def _shown(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
