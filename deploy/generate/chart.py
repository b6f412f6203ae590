"""The Helm chart, made from the plain manifests: each value of it stands in the place of what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

_FILES: Final = ("collector", "drain", "migrate", "scaling")
_MANIFESTS: Final = Path(__file__).parents[1] / "kubernetes"
_CHART: Final = "deploy/kubernetes/agenttrace"
_IMAGE: Final = re.compile(r"image: agenttrace:(\S+)")
_DESCRIPTION: Final = (
    "Collectors of AgentTrace with a journal each, in front of a ClickHouse that stands elsewhere."
)


class Value(NamedTuple):
    """A value of the chart: its name, what it means, its default, and where that stands in a manifest (`@`)."""

    name: str
    meaning: str
    default: str
    place: str


# In the order of values.yaml; each place is in at least one manifest.
_VALUES: Final = (
    Value("image", "Where the nodes find the image.", "", "image: @\n"),
    Value("replicas", "Collectors, each with a journal of its own.", "2", "replicas: @\n"),
    Value("replicas", "", "2", "minReplicas: @\n"),
    Value("maxReplicas", "As many as the autoscaler may start.", "8", "maxReplicas: @\n"),
    Value("journalSize", "The volume of each journal.", "10Gi", "storage: @\n"),
    Value("journalMaxSizeMib", "Less than the volume.", "8192", "max_size_mib: @\n"),
    Value(
        "prometheusNamespace",
        "Where metrics may be read from.",
        "monitoring",
        "kubernetes.io/metadata.name: @\n",
    ),
    Value(
        "drainClaim",
        "The volume of a collector that was scaled away: a Job empties its journal. Empty: none does.",
        "journal-agenttrace-2",
        "{claimName: @}",
    ),
)
# What is left out unless a value says so: by the kind that a document is of.
_OPTIONAL: Final[Mapping[str, tuple[str, str]]] = {
    "HorizontalPodAutoscaler": (
        "autoscaling",
        "More collectors when journals fill; needs custom.metrics.k8s.io.",
    ),
    "ServiceMonitor": ("serviceMonitor", "For the operator of Prometheus."),
}
_CLUSTER: Final = (
    "cluster",
    "Whether the database is a cluster of ClickHouse (an empty one: it stays what it is).",
)
# The autoscaler's number stands: an upgrade that sets another would leave journals behind.
_REPLICAS: Final = "  replicas: {{ .Values.replicas }}\n"
_MIGRATE: Final = "args: [migrate, up, "
# On an upgrade the schema comes first; a new collector waits for it by itself.
_HOOK: Final = """\
  name: agenttrace-migrate
  annotations:
    helm.sh/hook: post-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
"""


def chart_files() -> dict[str, str]:
    """Each file of the chart by its path in the repository."""
    texts = {name: (_MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8") for name in _FILES}
    version = _IMAGE.findall(texts["collector"])[0]
    values = [_as(value, f"agenttrace:{version}") for value in _VALUES]
    missing = [each.place for each in values if not any(_place(each) in text for text in texts.values())]
    if missing:
        message = f"no manifest has {', '.join(missing)}"
        raise ValueError(message)
    return {
        f"{_CHART}/Chart.yaml": _chart_file(version),
        f"{_CHART}/values.yaml": _values_file(values),
        **{f"{_CHART}/templates/{name}.yaml": _template(name, text, values) for name, text in texts.items()},
    }


def _as(value: Value, image: str) -> Value:
    return value._replace(default=image) if value.name == "image" else value


def _place(value: Value) -> str:
    return value.place.replace("@", value.default)


def _template(name: str, text: str, values: list[Value]) -> str:
    for value in values:
        # A word of its own: `replicas: 2` is not the end of another key.
        pattern = rf"(?<![A-Za-z]){re.escape(_place(value))}"
        text = re.sub(pattern, value.place.replace("@", f"{{{{ .Values.{value.name} }}}}"), text)
    text = text.replace(_REPLICAS, f"  {{{{- if not .Values.autoscaling }}}}\n{_REPLICAS}  {{{{- end }}}}\n")
    if name == "drain":
        return f"{{{{- if .Values.drainClaim }}}}\n{text}{{{{- end }}}}\n"
    if name == "migrate":
        text = text.replace("  name: agenttrace-migrate\n", _HOOK, 1)
        return text.replace(
            _MIGRATE, f"{_MIGRATE}{{{{ if .Values.cluster }}}}--profile, cluster, {{{{ end }}}}"
        )
    return "---\n".join(map(_optional, text.split("---\n")))


def _optional(document: str) -> str:
    for kind, (name, _) in _OPTIONAL.items():
        if f"\nkind: {kind}\n" in f"\n{document}":
            return f"{{{{- if .Values.{name} }}}}\n{document}{{{{- end }}}}\n"
    return document


def _chart_file(version: str) -> str:
    return (
        f"apiVersion: v2\nname: agenttrace\ndescription: {_DESCRIPTION}\ntype: application\n"
        f'version: {version}\nappVersion: "{version}"\n'
    )


def _values_file(values: list[Value]) -> str:
    lines = ["# Made by `python -m deploy.generate` from the manifests beside the chart."]
    for value in values:
        if value.meaning:
            default = '""' if value.name == "drainClaim" else value.default
            lines += [f"# {value.meaning}", f"{value.name}: {default}"]
    for name, meaning in (*_OPTIONAL.values(), _CLUSTER):
        lines += [f"# {meaning}", f"{name}: false"]
    return "\n".join(lines) + "\n"
