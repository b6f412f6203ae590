"""The sections of what is forwarded: exporters of OTLP, what leaves through them, and which signal goes where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from agenttrace_collector.config.section import Positive, Section
from agenttrace_collector.config.values import Address, Duration, address

CLICKHOUSE: Final = "clickhouse"
_NAME: Final = re.compile(r"otlp_(?P<protocol>grpc|http)(/[a-z][a-z0-9_]{0,29})?", re.ASCII)
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*", re.ASCII)


class ClientTls(Section):
    """The certificates of a connection that we open; `insecure` leaves gRPC in the clear."""

    insecure: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _files_exist(self) -> Self:
        for name in ("ca_file", "cert_file", "key_file"):
            file = getattr(self, name)
            if file is not None and not file.is_file():
                message = f"{name} is not a file"
                raise ValueError(message)
        if (self.cert_file is None) != (self.key_file is None):
            message = "cert_file and key_file must be set together"
            raise ValueError(message)
        return self


class Retry(Section):
    """How a request is sent again; a `max_elapsed_time` of 0s never gives one up."""

    enabled: bool = True
    initial_interval: Duration = 1.0
    max_interval: Duration = 30.0
    max_elapsed_time: Duration = 0.0


class SendingQueue(Section):
    """What waits in the journal for one exporter; null: `drop_oldest` beside ClickHouse, else `wait`."""

    size_mib: Positive = 1024
    when_full: Literal["drop_oldest", "wait"] | None = None


class OtlpClient(Section):
    """How OTLP reaches a backend."""

    endpoint: str
    tls: ClientTls = ClientTls()
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    compression: Literal["gzip", "none"] = "gzip"
    timeout: Duration = 10.0

    @model_validator(mode="after")
    def _headers_can_be_sent(self) -> Self:
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.get_secret_value()):
                message = "headers must be names and values of printable ASCII"
                raise ValueError(message)
        return self


class OtlpExporter(OtlpClient):
    """A backend that takes OTLP, and what waits for it."""

    retry_on_failure: Retry = Retry()
    sending_queue: SendingQueue = SendingQueue()


class OwnOtlp(OtlpClient):
    """Where what the collector says of itself goes; what cannot be sent is dropped."""

    protocol: Literal["grpc", "http/protobuf"] = "http/protobuf"

    @model_validator(mode="after")
    def _endpoint_is_known(self) -> Self:
        check_endpoint("otlp", "grpc" if self.protocol == "grpc" else "http", self.endpoint)
        return self

    def leads_to(self, listener: str | None) -> bool:
        """Whether a listener of this machine is at the endpoint."""
        url = urlsplit(self.endpoint if "://" in self.endpoint else f"grpc://{self.endpoint}")
        if listener is None or url.port != address(listener).port:
            return False
        ours, host = address(listener).host, str(url.hostname)
        is_here = host == "localhost" or Address(host, url.port).is_loopback
        return host == ours or (is_here and (address(listener).is_loopback or ours in _EVERYWHERE))


class Forward(Section):
    """What leaves through exporters of OTLP."""

    conventions: Literal["as_sent", "genai"] = "as_sent"
    other_spans: Literal["structure", "drop"] = "structure"
    logs: Literal["typed_only", "as_spans"] = "typed_only"


class Pipeline(Section):
    """Where a signal goes: `clickhouse` and exporters of OTLP by name."""

    exporters: Annotated[tuple[str, ...], Field(min_length=1)] = (CLICKHOUSE,)


class Pipelines(Section):
    """The signals."""

    traces: Pipeline = Pipeline()
    logs: Pipeline = Pipeline()

    @property
    def stores(self) -> bool:
        """Whether rows go to ClickHouse."""
        return CLICKHOUSE in self.traces.exporters

    def check(self, exporters: Mapping[str, OtlpExporter]) -> None:
        """Raises `ValueError` where a pipeline names what there is not."""
        for signal, pipeline in (("traces", self.traces), ("logs", self.logs)):
            if set(pipeline.exporters) - {CLICKHOUSE, *exporters}:
                message = (
                    f"service.pipelines.{signal}.exporters names one that does not stand under exporters"
                )
                raise ValueError(message)
        if (CLICKHOUSE in self.logs.exporters) != self.stores:
            message = "service.pipelines: clickhouse must be in both pipelines or in none"
            raise ValueError(message)
        unused = sorted(set(exporters) - {*self.traces.exporters, *self.logs.exporters})
        if unused:
            message = f"no pipeline under service.pipelines names {', '.join(unused)}"
            raise ValueError(message)


def check_exporter(name: str, exporter: OtlpExporter) -> None:
    """Raises `ValueError` for a name or an endpoint that no exporter can have."""
    found = _NAME.fullmatch(name)
    if not found:
        message = (
            "unknown key, must be clickhouse, otlp_grpc or otlp_http; otlp_http/name where there are several"
        )
        raise ValueError(message)
    check_endpoint(name, found["protocol"], exporter.endpoint)


def check_endpoint(name: str, protocol: str, endpoint: str) -> None:
    """Raises `ValueError` for an endpoint that OTLP over this protocol (grpc, http) cannot have."""
    try:
        url = urlsplit(endpoint if "://" in endpoint else f"grpc://{endpoint}")
        known = (
            url.hostname
            and (url.port is None or url.port)
            and not url.username
            and not url.query
            and not url.fragment
        )
    except ValueError:
        known = False
    schemes = {"http", "https"} if protocol == "http" else {"grpc", "http", "https"}
    if not known or url.scheme not in schemes:
        form = "https://host:port/path" if protocol == "http" else "host:port"
        message = f"{name}.endpoint must be {form}, without a user or a password"
        raise ValueError(message)
