"""`agenttrace doctor`: reads the metrics of a running collector and explains them."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import typer
from prometheus_client.parser import text_string_to_metric_families

from agenttrace_collector.cli.options import AWAY, ConfigFiles, Overrides, fail, loaded, source
from agenttrace_collector.config import Config

_SECONDS: Final = 5.0
_STALE_SECONDS: Final = 10.0
# From here on a run that is not settled is no longer one that is still going on.
_LATE_SECONDS: Final = 600
_NAMED: Final = 5
_CHANGED: Final = "agenttrace_changed_values"


@dataclass(frozen=True, slots=True)
class DoctorFindings:
    """The metric samples and the health state of a collector."""

    samples: tuple[tuple[str, Mapping[str, str], float], ...]
    health: Mapping[str, Any]

    def total(self, name: str, **labels: str) -> int:
        """The sum of a metric over all of its other labels."""
        return int(sum(value for _, value in self.matching(name, labels)))

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """The sums of a metric by these labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for found, value in self.matching(name, {}):
            sums[tuple(found.get(label, "") for label in labels)] += int(value)
        return +sums

    def matching(self, name: str, labels: Mapping[str, str]) -> Iterable[tuple[Mapping[str, str], float]]:
        """Labels and value of each sample of a metric that has these labels."""
        return (
            (found, value)
            for sample, found, value in self.samples
            if sample == name and labels.items() <= found.items()
        )


def doctor(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Report what a running collector received, ignored, refused and still holds, and what to do about it."""
    settings = loaded(source(config, set_))
    findings = examine(settings)
    for title, counted in _TABLES.items():
        _print(title, counted(findings))
    typer.echo("\nWhat this means")
    for sentence in diagnose(findings):
        typer.echo(f"  {sentence}")


def examine(settings: Config) -> DoctorFindings:
    """Reads the metrics and the health of the configured collector; ends the command if none responds."""
    address = settings.service.telemetry.metrics.address
    check = settings.extensions.health_check
    if address is None:
        fail("doctor reads the collector's metrics, and service.telemetry.metrics.address is null")
    text = _get(address, "/metrics", encrypted=settings.service.telemetry.metrics.tls is not None)
    # The parser gives counters the suffix that the Collector's names do not have.
    samples = tuple(
        (sample.name.removesuffix("_total"), sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )
    state = _get(check.endpoint, "/", encrypted=check.tls is not None) if check.endpoint else "{}"
    return DoctorFindings(samples, json.loads(state))


def diagnose(findings: DoctorFindings) -> list[str]:
    """Returns sentences about what stands out, at least one."""
    sentences = [sentence for applies, sentence in _DIAGNOSES if applies(findings)]
    sentences += _not_kept(findings)
    sentences += _set_aside(findings)
    sentences += _refused_since_tightened(findings)
    sentences += _unplaced(findings)
    sentences += _fills(findings)
    sentences += _unsettled(findings)
    sentences += [f"The collector refuses requests: {text}." for text in _obstacles(findings).values()]
    return sentences or ["Spans arrive, are stored and can be queried: agenttrace runs."]


def _received(findings: DoctorFindings) -> int:
    return findings.total("agenttrace_received_spans") + findings.total("agenttrace_received_log_records")


def _all_ignored(findings: DoctorFindings) -> bool:
    ignored = findings.total("agenttrace_ignored_spans") + findings.total("agenttrace_ignored_log_records")
    return 0 < _received(findings) == ignored


def _delivery_waits(findings: DoctorFindings) -> bool:
    return findings.total("agenttrace_journal_oldest_seconds") >= _STALE_SECONDS


def _not_kept(findings: DoctorFindings) -> list[str]:
    """Who sent values that could not be kept, under which keys; never the values."""
    counted = findings.by(_CHANGED, "service", "key", "rule").most_common()
    senders: dict[str, list[str]] = {}
    for (service, key, rule), _ in counted:
        senders.setdefault(service, []).append(f"{key} ({rule})")
    return [
        f"{service} sends values that no rule allows, and steps show `_redacted`, `other` or nothing instead: "
        + ", ".join(keys[:_NAMED])
        + (f" and {len(keys) - _NAMED} more keys" if len(keys) > _NAMED else "")
        + "."
        for service, keys in list(senders.items())[:_NAMED]
    ]


def _set_aside(findings: DoctorFindings) -> list[str]:
    """Which runs cannot be settled."""
    counted = findings.by("agenttrace_set_aside_runs", "run_id")
    if not counted.total():
        return []
    named = ", ".join(run_id for (run_id,), count in counted.items() if run_id and count)
    return [f"{counted.total()} runs cannot be settled and are tried again later; the log says why: {named}."]


def _refused_since_tightened(findings: DoctorFindings) -> list[str]:
    """Rows that are kept back, by table."""
    counted = findings.by("agenttrace_journal_set_aside_rows", "table")
    return [
        f"{rows} rows of {table} are set aside in the journal: the rules of the database refuse them since they"
        " were tightened; a start under rules that take them delivers them, agenttrace collector discard gives"
        " them up."
        for (table,), rows in sorted(counted.items())
    ]


def _unplaced(findings: DoctorFindings) -> list[str]:
    """Runs of which there is nothing but what was recorded."""
    runs = findings.total("agenttrace_unplaced_runs")
    if not runs:
        return []
    why = "their spans come when they end, or went elsewhere or were sampled away"
    return [f"Of {runs} runs only events have come: {why}; agenttrace unplaced lists them."]


def _fills(findings: DoctorFindings) -> list[str]:
    """Until when an outage can last."""
    found = [value for _, value in findings.matching("agenttrace_journal_full_in_seconds", {})]
    return [
        f"At the present rate the journal is full in {_duration(seconds)}; then senders are asked to come later."
        for seconds in found
    ]


def _unsettled(findings: DoctorFindings) -> list[str]:
    """Runs whose answers are late."""
    oldest = findings.total("agenttrace_unsettled_oldest_seconds")
    if oldest < _LATE_SECONDS:
        return []
    runs = findings.total("agenttrace_unsettled_runs")
    return [
        f"{runs} runs wait to be settled, one of them for {_duration(oldest)}: answers are late, none is lost."
    ]


def _duration(seconds: float) -> str:
    """As a person says it."""
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def _obstacles(findings: DoctorFindings) -> Mapping[str, str]:
    found: Mapping[str, str] = findings.health.get("obstacles", {})
    return found


_DIAGNOSES: Final[tuple[tuple[Callable[[DoctorFindings], bool], str], ...]] = (
    (
        lambda found: not found.total("otelcol_receiver_requests"),
        "No request has arrived since start: set OTEL_EXPORTER_OTLP_ENDPOINT of the agent to this collector.",
    ),
    (
        lambda found: found.total("otelcol_receiver_requests", outcome="refused") > 0,
        "Whole requests were refused: wrong token, not OTLP, too large or over a limit; the sender was told which.",
    ),
    (
        _all_ignored,
        "Nothing that arrived has a GenAI meaning: is the agent's framework instrumented?",
    ),
    (
        lambda found: found.total("agenttrace_refused_records") > 0,
        "Records were refused by rule; agenttrace rejections shows agent, rule and attribute key of each.",
    ),
    (
        _delivery_waits,
        "Rows wait in the journal because the database does not take them; they are safe and go when it does.",
    ),
    (
        lambda found: found.total("agenttrace_rows_refused") > 0,
        "The database refused rows for good: is it migrated, and with this configuration? agenttrace migrate status",
    ),
    (
        lambda found: found.total("agenttrace_delivery_unrecorded_refusals") > 0,
        "Rows were refused for good and so were their rejections: agent_rejections does not show these rows.",
    ),
)

_Table: TypeAlias = Iterable[tuple[str, int]]


def _labelled(name: str, *labels: str) -> Callable[[DoctorFindings], _Table]:
    def rows(findings: DoctorFindings) -> _Table:
        return ((" ".join(key), count) for key, count in findings.by(name, *labels).most_common())

    return rows


def _totals(**names: str) -> Callable[[DoctorFindings], _Table]:
    return lambda findings: ((label, findings.total(name)) for label, name in names.items())


def _documents(unit: str) -> Callable[[DoctorFindings], _Table]:
    """What came as documents of a kind; no row where none came."""
    counted = _totals(
        received=f"agenttrace_received_{unit}",
        stored=f"otelcol_receiver_accepted_{unit}",
        refused=f"otelcol_receiver_refused_{unit}",
    )
    return lambda findings: counted(findings) if findings.total(f"agenttrace_received_{unit}") else ()


_TABLES: Final[Mapping[str, Callable[[DoctorFindings], _Table]]] = {
    "Requests": _labelled("otelcol_receiver_requests", "transport", "outcome"),
    "Requests refused by reason and service": _labelled("agenttrace_refused_requests", "reason", "service"),
    "Spans": _totals(
        received="agenttrace_received_spans",
        ignored="agenttrace_ignored_spans",
        refused="otelcol_receiver_refused_spans",
        stored="otelcol_exporter_sent_spans",
    ),
    "Log records": _totals(
        received="agenttrace_received_log_records",
        ignored="agenttrace_ignored_log_records",
        refused="otelcol_receiver_refused_log_records",
    ),
    "Evaluations as documents": _documents("evaluations"),
    "Outcomes as documents": _documents("outcomes"),
    "Metric points (not stored)": _totals(received="agenttrace_received_metric_points"),
    "Steps by convention": _labelled("agenttrace_steps", "convention"),
    "Records by service": _labelled("agenttrace_records_by_service", "service", "outcome"),
    "Refused by kind and rule": _labelled("agenttrace_refused_records", "kind", "rule"),
    "Values not kept as sent, by service, rule and key": _labelled(_CHANGED, "service", "rule", "key"),
    "Journal": _totals(
        rows="agenttrace_journal_rows",
        bytes="agenttrace_journal_bytes",
        oldest_seconds="agenttrace_journal_oldest_seconds",
    ),
    "Rows set aside in the journal by table": _labelled("agenttrace_journal_set_aside_rows", "table"),
    "Rows stored by table": _labelled("agenttrace_rows_stored", "table"),
    "Rows refused by the database": _totals(
        refused="agenttrace_rows_refused", unrecorded="agenttrace_delivery_unrecorded_refusals"
    ),
    "Rows repaired by table": _labelled("agenttrace_delivery_repaired_rows", "table"),
    "Delivery retries": _labelled("agenttrace_delivery_retries", "table"),
}


def _print(title: str, rows: _Table) -> None:
    listed = list(rows)
    if listed:
        typer.echo(f"\n{title}")
    for label, count in listed:
        typer.echo(f"  {label:<44} {count:>12,}")


def _get(address: str, path: str, *, encrypted: bool) -> str:
    scheme = "https" if encrypted else "http"
    # The collector's own certificate, asked on its own machine: its name need not fit.
    context = ssl._create_unverified_context() if encrypted else None  # noqa: S323, SLF001 - as above
    try:
        url = f"{scheme}://{address}{path}"
        with urllib.request.urlopen(url, timeout=_SECONDS, context=context) as answer:  # noqa: S310 - http only
            return str(answer.read().decode())
    except urllib.error.HTTPError as answer:
        return str(answer.read().decode())
    except OSError:
        fail(f"no collector answers at {address}; start one with: agenttrace collector run", code=AWAY)
