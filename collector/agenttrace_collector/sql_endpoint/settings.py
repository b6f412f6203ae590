"""The settings that a statement or request may contain: they lower a limit or change the format of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from agenttrace_collector.sql_endpoint.problems import denied

# Those that this endpoint bounds itself; 0 means no bound, and is refused.
BOUNDED: Final = frozenset({"max_execution_time", "max_memory_usage", "max_result_bytes"})
_FREE: Final = frozenset(
    {
        *(
            "date_time_input_format",
            "date_time_output_format",
            "extremes",
            "join_use_nulls",
            "max_block_size",
        ),
        *("max_threads", "max_rows_to_read", "max_bytes_to_read", "max_result_rows", "max_columns_to_read"),
        *(
            "max_rows_to_group_by",
            "max_rows_to_sort",
            "max_bytes_to_sort",
            "max_rows_in_set",
            "max_bytes_in_set",
        ),
        *("max_rows_in_join", "max_bytes_in_join", "max_rows_in_distinct", "max_bytes_in_distinct"),
        *("max_bytes_before_external_group_by", "max_bytes_before_external_sort", "max_query_size"),
        *("read_overflow_mode", "result_overflow_mode", "group_by_overflow_mode", "sort_overflow_mode"),
        *("timeout_overflow_mode", "session_timezone", "limit", "offset", "use_uncompressed_cache"),
        *("group_by_use_nulls", "aggregate_functions_null_for_empty", "transform_null_in", "final"),
        *("format_csv_delimiter", "format_csv_null_representation", "format_tsv_null_representation"),
        *(
            "optimize_read_in_order",
            "optimize_aggregation_in_order",
            "max_final_threads",
            "prefer_column_name_to_alias",
        ),
    }
)
_FORM: Final = re.compile(r"output_format_[a-z0-9_]+", re.ASCII)
# These name files.
_FILES: Final = re.compile(r"schema|template|path", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_TOKEN: Final = re.compile(r"""'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\])*"|\w+|\S""", re.DOTALL)
_CLAUSE: Final = "SETTINGS"


def may_be_set(name: str) -> bool:
    """True if a statement or request may contain this setting."""
    return name in _FREE or name in BOUNDED or bool(_FORM.fullmatch(name) and not _FILES.search(name))


def check_settings(canonical: str, clauses: int, largest: Mapping[str, int]) -> None:
    """Raises `SqlRefused` unless all SETTINGS clauses of a formatted statement contain allowed settings only.

    `clauses`: how many of them the syntax tree has.

    `largest`: the maximum of each setting in `BOUNDED`.
    """
    tokens = [token[0] for token in _TOKEN.finditer(canonical)]
    found = [number for number, token in enumerate(tokens) if token == _CLAUSE]
    read = sum(_check_clause(tokens, number + 1, largest) for number in found)
    if read < clauses:
        message = "SETTINGS of the statement cannot be told apart from its names: write them once, at its end"
        raise denied(message)


def _check_clause(tokens: list[str], at: int, largest: Mapping[str, int]) -> bool:
    """Whether a clause of settings begins there, all of which may be set."""
    pairs = list(_pairs(tokens, at))
    for name, value in pairs:
        _check(name, value, largest)
    return bool(pairs)


def _pairs(tokens: list[str], at: int) -> Iterator[tuple[str, str]]:
    while at + 2 < len(tokens) and tokens[at + 1] == "=":
        yield tokens[at], tokens[at + 2]
        if at + 3 >= len(tokens) or tokens[at + 3] != ",":
            return
        at += 4


def _check(name: str, value: str, largest: Mapping[str, int]) -> None:
    if not may_be_set(name):
        shown = name if _NAME.fullmatch(name) else "a setting"
        message = f"{shown} is not set here: settings that bound an answer or give it another form are"
        raise denied(message)
    most = largest.get(name)
    if most is not None and not (_NUMBER.fullmatch(value) and 0 < int(value) <= most):
        message = f"{name}: must be a number from 1 to {most}"
        raise denied(message)
