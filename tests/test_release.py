"""What `make release-check` says of a repository that lacks everything, and of one that lacks nothing."""

from __future__ import annotations

from pathlib import Path

from tests.release import lacking


def repository(root: Path, changelog: str, image: str) -> Path:
    """The files that a release is checked by."""
    for folder in ("deploy/kubernetes", "tests/upgrade"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (root / "CHANGELOG.md").write_text(changelog)
    (root / "deploy/kubernetes/collector.yaml").write_text(f"image: agenttrace:{image}\n")
    return root


def test_nothing_lacks(tmp_path: Path) -> None:
    """Version, changelog, database, image and tag fit each other."""
    root = repository(tmp_path, "## [1.2.3] - 2026-11-24\n", "1.2.3")
    (root / "tests/upgrade/1.2.3.tar.xz").touch()
    assert list(lacking(root, ["v1.2.2"], [])) == []


def test_everything_lacks(tmp_path: Path) -> None:
    """Each is named."""
    root = repository(tmp_path, "## [Unreleased]\n", "1.2.2")
    assert len(list(lacking(root, ["v1.2.3"], [" M file"]))) == 5
