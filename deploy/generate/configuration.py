"""Every setting: types and defaults from the model, words from the comments of the example file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from agenttrace_collector.config.pipelines import OtlpExporter, OwnOtlp
from agenttrace_collector.config.section import SHARE, Section
from agenttrace_collector.config.sections import Config, Tls

_OPENING: Final = """\
# Configuration

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

Every setting of the collector with its default: [collector.yaml](collector.yaml) is the same as a file to start
from. No file is needed. `--config FILE` may stand several times, later files over earlier ones, and
`--set a.b=c` over all. `${env:NAME}` and `${env:NAME:-default}` stand for environment variables, `$$` for a
dollar sign. Durations carry their unit (`500ms`, `0.5s`, `30m`, `90d`). An unknown key is an error;
`agenttrace collector validate --config FILE` names every problem with its line and what is allowed.
SIGHUP reloads tokens and thresholds; everything else needs a restart.
"""
_TLS: Final = """\
## A listener's `tls`

"""
_KINDS: Final[Mapping[Any, str]] = {
    str: "text",
    SecretStr: "text",
    bool: "`true` or `false`",
    Path: "path",
    Tls: "section",
    OwnOtlp: "section",
    Mapping: "mapping of texts",
    tuple: "list of texts",
}
_EXPORTER: Final = """\
## An exporter of OTLP

`exporters.otlp_grpc` and `exporters.otlp_http`, or `exporters.otlp_http/name` where there are several: enforced OTLP goes
to such a backend when `service.pipelines` names it.

"""
_OWN: Final = """\
## The collector's own traces and logs

`service.telemetry.traces.otlp` and `service.telemetry.logs.otlp`, off by default, name a backend for what the collector says of itself.
Spans have names, tables, names of queries, counts and kinds of failure from closed lists, and durations; log records are the lines of
the log. Neither holds anything that was received. What the backend does not take is dropped. The backend is not this collector: it does
not start then, and of requests with the own telemetry of another collector no span tells.

"""
_OF_EXPORTER: Final = {
    "endpoint": "`host:port` for gRPC; for HTTP a URL, below which `/v1/traces` and `/v1/logs` stand.",
    "tls.insecure": "gRPC in the clear; HTTP goes by its URL.",
    "tls.ca_file": "The authority that is trusted, PEM; null: those of the system.",
    "tls.cert_file": "Our certificate, PEM, where the receiver wants one.",
    "tls.key_file": "Its key, PEM.",
    "headers": "Headers of each request, such as `authorization: ${env:TOKEN}`; they are never printed.",
    "compression": "How requests are packed.",
    "timeout": "How long one request may take.",
    "retry_on_failure.enabled": "Send again what the protocol calls retryable.",
    "retry_on_failure.initial_interval": "The bound of the first delay; it doubles.",
    "retry_on_failure.max_interval": "The longest delay, unless the receiver asks for more.",
    "retry_on_failure.max_elapsed_time": "After which a request is given up and counted; 0s: never.",
    "sending_queue.size_mib": "What may wait in the journal for this exporter, for each signal.",
    "sending_queue.when_full": "null: `drop_oldest` beside ClickHouse, `wait` without it. `wait` asks every sender to come"
    " later.",
}
_OF_TLS: Final = {
    "cert_file": "The certificate, PEM.",
    "key_file": "Its key, PEM.",
    "client_ca_file": "With it clients must show a certificate of this authority.",
}
_LINE: Final = re.compile(r"(?P<indent> *)(?:# (?P<words>.*)|(?P<key>[a-z_]+):(?P<value>.*))")
_Path: TypeAlias = tuple[str, ...]


class Setting(NamedTuple):
    """One key: where it stands, what it may be, what it is without a word."""

    path: _Path
    allowed: str
    default: str


def configuration_page(example: str) -> str:
    """The page as Markdown; `example` is the text of deploy/collector.yaml."""
    told = words(example)
    parts = [_OPENING]
    for section in Config.model_fields:
        found = [each for each in settings() if each.path[0] == section]
        parts += [f"## {section}\n", _table((*_row(each), meaning(each.path, told)) for each in found)]
    tls = (Setting((name,), *_of(field)) for name, field in Tls.model_fields.items())
    parts.append(_TLS + _table((*_row(each), _OF_TLS[each.path[0]]) for each in tls))
    exporter = list(settings(OtlpExporter))
    parts.append(_EXPORTER + _table((*_row(each), _OF_EXPORTER[".".join(each.path)]) for each in exporter))
    own = list(settings(OwnOtlp))
    told_of_own = {**_OF_EXPORTER, "protocol": "What the endpoint speaks."}
    parts.append(_OWN + _table((*_row(each), told_of_own[".".join(each.path)]) for each in own))
    return "\n".join(parts)


def settings(section: type[Section] = Config, path: _Path = ()) -> Iterator[Setting]:
    """Every key below a section, in the order of the model; `tls` sections are one key each."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from settings(kind, (*path, name))
        else:
            yield Setting((*path, name), *_of(field))


def words(example: str) -> Mapping[_Path, str]:
    """What the example says of each key: the comment above it, without examples that are commented out."""
    told: dict[_Path, str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in example.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or found["words"] is not None:
            said = found["words"] if found else None
            above = [*above, said] if said and not re.match(r" |(tls|otlp):", said) else []
            continue
        indent = len(found["indent"])
        path = [*(each for each in path if each[0] < indent), (indent, found["key"])]
        if above:
            told[tuple(name for _, name in path)] = " ".join(above)
        above = []
    return told


def meaning(path: _Path, told: Mapping[_Path, str]) -> str:
    """What is said of a key: of itself, of the section around it, or of the same key elsewhere."""
    if path[-1] == "tls":
        return "What the last table lists; null: in the clear."
    around = (path[:end] for end in range(len(path), 0, -1))
    elsewhere = (other for other in told if other[-1] == path[-1])
    return next((told[each] for each in (*around, *elsewhere) if each in told), "")


def _of(field: FieldInfo) -> tuple[str, str]:
    """What is allowed and the default, as they are written in YAML."""
    allowed = field.description or _allowed(field.annotation)
    if field.is_required():
        return allowed, "required"
    return allowed, _written(str(field.default) if allowed == SHARE else field.default)


def _allowed(kind: Any) -> str:
    """In words; an annotation's own description says it of values with a form of their own."""
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{each}`" for each in parts)
    if type(None) in parts:
        return f"{_allowed(next(each for each in parts if each is not type(None)))}, or null"
    if get_origin(kind) is Annotated:
        described = (each.description for each in parts[1:] if isinstance(each, FieldInfo))
        return next(filter(None, described))
    return _KINDS[get_origin(kind) or kind]


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return f"`{str(value).lower().replace('none', 'null')}`"
    if isinstance(value, float):
        return f"`{_duration(value)}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _duration(seconds: float) -> str:
    days, rest = divmod(seconds, 86_400)
    if days and not rest:
        return f"{days:.0f}d"
    return f"{seconds:g}s"


def _row(setting: Setting) -> tuple[str, str, str]:
    return f"`{'.'.join(setting.path)}`", setting.allowed, setting.default


def _table(rows: Any) -> str:
    lines = (("setting", "allowed", "default", ""), ("---",) * 4, *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
