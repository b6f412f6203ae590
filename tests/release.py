"""What a release still lacks: `python -m tests.release`, the last step of `make release-check`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT


def lacking(root: Path, tags: list[str], changed: list[str]) -> Iterator[str]:
    """One sentence for each thing to do before the version of pyproject.toml is tagged."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if changed:
        yield f"commit or remove {len(changed)} changed files"
    if f"v{version}" in tags:
        yield f"raise the version in pyproject.toml: v{version} is tagged"
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        yield f"name the version in CHANGELOG.md: ## [{version}] - YYYY-MM-DD"
    if not (root / "tests" / "upgrade" / f"{version}.tar.xz").is_file():
        yield f"keep the release's database: python -m tests.upgrade.make {version}"
    if f"image: agenttrace:{version}" not in (root / "deploy/kubernetes/collector.yaml").read_text(
        encoding="utf-8"
    ):
        yield "name the image's version in deploy/kubernetes"


def git(*arguments: str) -> list[str]:
    """The lines that git prints."""
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).splitlines()


if __name__ == "__main__":
    missing = list(lacking(ROOT, git("tag"), git("status", "--porcelain")))
    print("\n".join(missing) or "nothing lacks: tag it, build with hatchling, publish dist/*")
    sys.exit(bool(missing))
