"""Configuration files that are deep, wide, endless, or hold themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.test_config import problems

LEVELS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 50_000, "must be at most 32 levels deep"),
        ("a: " + "{b: " * 50_000, "must be at most 32 levels deep"),
        ("\n".join("  " * depth + "a:" for depth in range(200)), "must be at most 32 levels deep"),
        ("- " * 50_000, "must be at most 32 levels deep"),
        ("a: &a [*a]", "must be at most 32 levels deep"),
        ("a: &a {b: *a}", "must be at most 32 levels deep"),
        (f"a0: &a0 x\n{LEVELS}", "must hold at most 50000 values"),
        ("a: [" + "b, " * 60_000 + "]", "must hold at most 50000 values"),
        ("#" * 1_000_001, "must have at most 1000000 characters"),
        ("a: !!python/object/apply:os.system [hunter2]", "unknown key"),
        ("a: &a 1\nb: *c", "this is not YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_a_hostile_file_is_a_problem_and_nothing_else(tmp_path: Path, text: str, message: str) -> None:
    """Deep, wide, holding itself, or growing by aliases: no traceback, no memory."""
    assert message in str(problems(tmp_path, text)[0])
