"""Tests what is shipped: `python -m tests.wheel` builds it, installs it bare and runs the tests from outside.

The wheel is built from the unpacked sdist, so that nothing can be missing there; the tests run in the
unpacked sdist too, after the packages' sources were taken out of it. The tests of tests/architecture read
those sources and stay behind, and so does the one that builds the image from them; the extras are installed one by
one in tests/architecture/test_packaging.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.architecture.source import PACKAGES, ROOT

_OF_SOURCES: Final = ("--deselect", "tests/deploy/test_container.py::test_the_image_runs")
_QUICK: Final = () if os.environ.get("SLOW") else ("-m", "not slow and not long")


def run(*command: str | Path, cwd: Path) -> None:
    """A command that must succeed, with what it prints."""
    print("==", *(str(part).replace(str(cwd), ".") for part in command), flush=True)
    subprocess.run(command, cwd=cwd, check=True)


def build(directory: Path) -> tuple[Path, Path]:
    """The unpacked sdist and the wheel that was built from it."""
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", directory / "dist")
    run(*hatchling, "-t", "sdist", cwd=ROOT)
    (packed,) = (directory / "dist").glob("*.tar.gz")
    with tarfile.open(packed) as sdist:
        sdist.extractall(directory, filter="data")
    unpacked = directory / packed.name.removesuffix(".tar.gz")
    run(*hatchling, "-t", "wheel", cwd=unpacked)
    (wheel,) = (directory / "dist").glob("*.whl")
    return unpacked, wheel


def main(directory: Path) -> None:
    """Build, install, test."""
    unpacked, wheel = build(directory)
    run(sys.executable, "-m", "venv", directory / "venv", cwd=directory)
    python = directory / "venv" / "bin" / "python"
    constraints = unpacked / "deploy" / "constraints.txt"
    run(python, "-m", "pip", "install", "-q", "-c", constraints, f"{wheel}[dev]", cwd=directory)
    for package in PACKAGES.values():
        shutil.rmtree(unpacked / package.relative_to(ROOT))
    for reader in (unpacked / "tests" / "architecture").glob("test_*.py"):
        reader.unlink()
    run(python, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", *_OF_SOURCES, *_QUICK, cwd=unpacked)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="agenttrace-wheel-") as name:
        main(Path(name))
