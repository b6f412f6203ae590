"""The steps of the Dockerfile, run as scripts in a directory that stands for the image's root."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dockerfile_parse import DockerfileParser

from tests.architecture.source import ROOT

FILE: Final = ROOT / "deploy" / "container" / "Dockerfile"
USER: Final = 10001
# What the image holds of ours; these paths are below the directory, all others are this machine's.
_OURS: Final = re.compile(r"/(build|opt/agenttrace|etc/agenttrace|var/lib/agenttrace)\b")
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_ADEQUATE: Final = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"


@dataclass
class Image:
    """What the steps made: where it lies and how it is run."""

    root: Path
    user: int | None
    variables: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, text: str) -> str:
        """Paths of the image as those of this machine."""
        return _OURS.sub(lambda found: f"{self.root}{found[0]}", text)

    def files(self) -> set[Path]:
        """Everything in it but the volume."""
        return {path for path in self.root.rglob("*") if "var/lib" not in str(path.relative_to(self.root))}

    def start(self, arguments: Sequence[str], log: Path, **variables: str) -> subprocess.Popen[bytes]:
        """Run its entrypoint with these arguments, as its user and with its variables alone."""
        program = shutil.which(self.entrypoint[0], path=self.variables["PATH"])
        assert program is not None
        with log.open("ab") as output:
            return subprocess.Popen(
                [program, *map(self.inside, arguments)],
                cwd=self.inside(self.directory),
                env={**self.variables, **variables},
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                stdout=output,
                stderr=output,
            )


def build(root: Path) -> Image:
    """Carry out every instruction in its order; a step that fails ends it."""
    user, python = _interpreter()
    (root / "bin").mkdir()
    (root / "bin" / "python3").symlink_to(python)
    image = Image(root, user, {"PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(root)})
    for step in DockerfileParser(str(FILE)).structure:
        if step["instruction"] != "COMMENT":
            _carry_out(image, step["instruction"], step["value"])
    return image


def _carry_out(image: Image, instruction: str, value: str) -> None:
    text = _VARIABLE.sub(lambda found: image.variables.get(found[1], ""), value)
    if instruction == "ARG":
        name, _, default = value.partition("=")
        image.variables[name] = default
    elif instruction == "WORKDIR":
        image.directory = text
        Path(image.inside(text)).mkdir(parents=True, exist_ok=True)
    elif instruction == "COPY":
        _copy(image, shlex.split(text))
    elif instruction == "RUN":
        _run(image, text)
    elif instruction == "ENV":
        image.variables = {
            name: image.inside(given)
            for name, _, given in (each.partition("=") for each in shlex.split(text))
        }
    elif instruction in {"ENTRYPOINT", "CMD", "HEALTHCHECK"}:
        name = {"ENTRYPOINT": "entrypoint", "CMD": "command", "HEALTHCHECK": "health"}[instruction]
        setattr(image, name, json.loads(value[value.index("[") :]))
    else:
        assert instruction in {"FROM", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"}, instruction


def _copy(image: Image, parts: list[str]) -> None:
    if parts[0] == "--from=build":
        # Both stages lie in one directory here, and a virtual environment has to keep its path.
        assert parts[1] == parts[2]
        return
    *sources, target = parts
    to = Path(image.inside(str(Path(image.directory) / target)))
    to.parent.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to)
            if to.suffix == ".yaml":
                to.write_text(image.inside(to.read_text()))


def _run(image: Image, script: str) -> None:
    """As a shell does, without this environment; where packages come from is the machine's own matter."""
    allowed = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_", "http"))}
    if image.user is None:
        script = script.replace("-o 10001 -g 10001 ", "")
    done = subprocess.run(
        ["sh", "-e", "-c", image.inside(script)],
        cwd=image.inside(image.directory),
        env={**allowed, **image.variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{script}\n{done.stderr}"


def _interpreter() -> tuple[int | None, str]:
    """A Python that the image's user can run, and that user; where there is none, this one as oneself."""
    own = str(Path(sys.base_prefix) / "bin" / "python3")
    if os.geteuid() == 0:
        for python in (own, "/usr/local/bin/python3", "/usr/bin/python3"):
            if _runs(python, USER):
                return USER, python
    return None, own


def _runs(python: str, user: int) -> bool:
    try:
        command = [python, "-c", _ADEQUATE]
        return not subprocess.run(command, user=user, group=user, check=False, capture_output=True).returncode
    except OSError:
        return False


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed where a test fails before it has ended."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
