"""The captured requests of coding agents: scenarios, what happened in them, and what settling makes of them."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from agenttrace_collector.decode.batch import Batch, Context
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json, traces_from_json
from agenttrace_schemas.rules import Policy

FOLDER: Final = Path(__file__).parents[1] / "corpus" / "agents"
CONTEXT: Final = Context(Policy(site_key=b"k" * 32), "default", 1_795_700_000 * 10**9)
_DENIED: Final = frozenset({"reject", "denied", "abort"})
_SUCCESS: Final = "success"
_DECODE: Final = {"logs": (logs_from_json, decode_logs), "traces": (traces_from_json, decode_traces)}
_SERVER: Final = re.compile(r"^mcp(:| |__.+__|\w+-)")


@dataclass(frozen=True, slots=True)
class AgentScenario:
    """One scenario of a set: its requests in order, and what happened."""

    set: str
    name: str
    expected: Mapping[str, Any]
    requests: tuple[tuple[str, bytes], ...]

    def __str__(self) -> str:
        return f"{self.set}/{self.name}"

    def sent(self, signal: str) -> Iterator[tuple[str, bytes]]:
        """Its requests of one signal, by name."""
        return (request for request in self.requests if request[0].split(".")[1] == signal)

    def batches(self, signals: Collection[str] = ("logs", "traces")) -> Iterator[Batch]:
        """Each request as decoded, of these signals only."""
        for name, body in self.requests:
            signal = name.split(".")[1]
            if signal in signals:
                from_json, decode = _DECODE[signal]
                yield decode(from_json(body).data if name.endswith(".json") else body, CONTEXT)

    def happened(self) -> Mapping[str, Counter[str]]:
        """The facts by kind, each with how often: calls that ran, approvals with their outcome, and so on."""
        said = self.expected
        tokens = said.get("tokens") or {}
        return {
            "runs": Counter({"runs": said["runs"]}),
            "tools": Counter(bare(each["tool"]) for each in said["tool_calls"] if each["executed"]),
            "approvals": Counter(
                f"{bare(each['tool'])} {'deny' if each['decision'] in _DENIED else 'allow'}"
                for each in said["decisions"]
            ),
            "models": Counter({"ok": said["model_calls"]["ok"]}),
            "tokens": Counter({name: tokens.get(name, 0) for name in ("input", "output")}),
        }

    def unlisted(self) -> Counter[str]:
        """Calls that ran, and so were let through, although the facts do not list who let them."""
        ran = self.happened()["tools"]
        return Counter({f"{tool} allow": count for tool, count in ran.items()}) - self.happened()["approvals"]

    def succeeded(self) -> bool | None:
        """Whether its runs ended well; None where they ended in several ways or were stopped."""
        status = self.expected["final_status"]
        return {_SUCCESS: True, "failure": False}.get(status)


def bare(tool: str) -> str:
    """The name of a tool without that of its server: `mcp:lookup`, `mcp lookup`, `mcp__server__lookup`."""
    return _SERVER.sub("", tool)


@cache
def agent_scenarios() -> tuple[AgentScenario, ...]:
    """Every scenario that sent something."""
    return tuple(each for path in sorted(FOLDER.glob("*.tar.xz")) for each in _of(path))


def _of(path: Path) -> Iterator[AgentScenario]:
    with tarfile.open(path) as archive:
        files = {each.name: archive.extractfile(each) for each in archive.getmembers()}
        bodies = {name: file.read() for name, file in files.items() if file}
    meta = json.loads(bodies.pop("meta.json"))
    for name, scenario in meta["scenarios"].items():
        sent = tuple((file, bodies[file]) for file in scenario.get("files", ()) if file in bodies)
        if sent:
            yield AgentScenario(path.name.removesuffix(".tar.xz"), name, scenario["expected"], sent)
