"""A Python process of its own, for what can be set only once in one."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*arguments: str, **variables: str) -> str:
    """Run Python with these arguments, and these variables in place of ours; its output."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AGENTTRACE_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**ours, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
