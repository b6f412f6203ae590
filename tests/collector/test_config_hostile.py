"""Configuration files that are deep, wide, endless, or hold themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.test_config import problems

LEVELS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 50_000, "allowed are 32 levels"),
        ("a: " + "{b: " * 50_000, "allowed are 32 levels"),
        ("\n".join("  " * depth + "a:" for depth in range(200)), "allowed are 32 levels"),
        ("- " * 50_000, "allowed are 32 levels"),
        ("a: &a [*a]", "allowed are 32 levels"),
        ("a: &a {b: *a}", "allowed are 32 levels"),
        (f"a0: &a0 x\n{LEVELS}", "allowed are 50000 values"),
        ("a: [" + "b, " * 60_000 + "]", "allowed are 50000 values"),
        ("#" * 1_000_001, "allowed are 1000000 characters"),
        ("a: !!python/object/apply:os.system [hunter2]", "unknown key"),
        ("a: &a 1\nb: *c", "this is not YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_a_hostile_file_is_a_problem_and_nothing_else(tmp_path: Path, text: str, message: str) -> None:
    """Deep, wide, holding itself, or growing by aliases: no traceback, no memory."""
    assert message in str(problems(tmp_path, text)[0])
