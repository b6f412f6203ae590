"""The sections of the configuration, every key with its default (specification section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from agenttrace_collector.config.decode import DecodeSection
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.pipelines import Forward, OtlpExporter, OwnOtlp, Pipelines, check_exporter
from agenttrace_collector.config.section import Positive, Section, Share
from agenttrace_collector.config.values import DatabaseEndpoint, Duration, Endpoint, HostName
from agenttrace_schemas.rules import FailureMessages, Labels


class Tls(Section):
    """A listener's certificate; with `client_ca_file` clients must show one of their own."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None

    @model_validator(mode="after")
    def _files_exist(self) -> Self:
        for name in ("cert_file", "key_file", "client_ca_file"):
            file = getattr(self, name)
            if file is not None and not file.is_file():
                message = f"{name} is not a file"
                raise ValueError(message)
        return self


class ListenerSection(Section):
    """Where something listens; `endpoint: null` switches it off."""

    endpoint: Endpoint | None = None
    tls: Tls | None = None


class Grpc(ListenerSection):
    """OTLP over gRPC."""

    endpoint: Endpoint | None = "127.0.0.1:4317"
    max_recv_msg_size_mib: Positive = 64
    read_timeout: Duration = 30.0


class Cors(Section):
    """Which web origins may send, and with which headers beside OTLP's own; none by default."""

    allowed_origins: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()


class Http(ListenerSection):
    """OTLP over HTTP."""

    endpoint: Endpoint | None = "127.0.0.1:4318"
    max_recv_msg_size_mib: Positive = 64
    read_timeout: Duration = 30.0
    cors: Cors = Cors()


class Protocols(Section):
    """The protocols of the OTLP receiver."""

    grpc: Grpc = Grpc()
    http: Http = Http()


class Otlp(Section):
    """The OTLP receiver."""

    protocols: Protocols = Protocols()
    metrics: Literal["ignore", "reject"] = "ignore"
    max_concurrent_requests: Positive = 64


class Receivers(Section):
    """What comes in."""

    otlp: Otlp = Otlp()


class MemoryLimiter(Section):
    """Above `limit_mib` less `spike_limit_mib` (a fifth by default) requests are asked to retry later."""

    limit_mib: Positive = 1024
    spike_limit_mib: Positive | None = None
    check_interval: Duration = 0.1

    @property
    def soft_limit_mib(self) -> int:
        """From here on new requests are refused with a delay."""
        spike = self.limit_mib // 5 if self.spike_limit_mib is None else self.spike_limit_mib
        return max(1, self.limit_mib - spike)


class Enforce(Section):
    """What a site accepts; changing it needs `agenttrace migrate` (specification section 4)."""

    vocabulary: Path | None = None
    labels: Labels = "token"
    failure_messages: FailureMessages = "template"
    decisions: bool = True
    tools: tuple[str, ...] = ()
    site_key: SecretStr | None = None


class QuotasSection(Section):
    """What each tenant may send; null does not limit it. Over one of them requests are asked to retry later."""

    spans_per_second: Positive | None = None
    journal_mib: Positive | None = None
    unsettled_runs: Positive | None = None


class Processors(Section):
    """What happens on the way."""

    memory_limiter: MemoryLimiter = MemoryLimiter()
    quotas: QuotasSection = QuotasSection()
    enforce: Enforce = Enforce()


class JournalSection(Section):
    """What is kept on disk until the database has it."""

    directory: Path = Path("./agenttrace-journal")
    durability: Literal["fsync", "os", "memory"] = "fsync"
    max_size_mib: Positive = 4096


class Ttl(Section):
    """How long each table keeps its rows; null keeps them for ever."""

    runs: Duration | None = 90 * 86_400.0
    steps: Duration | None = 90 * 86_400.0
    failures: Duration | None = 90 * 86_400.0
    decisions: Duration | None = 90 * 86_400.0
    quality_signals: Duration | None = 90 * 86_400.0
    evaluations: Duration | None = 90 * 86_400.0
    rejections: Duration | None = 30 * 86_400.0
    span_links: Duration | None = 7 * 86_400.0


class ClickHouseExporter(Section):
    """Where rows go, and in which blocks."""

    endpoint: Annotated[DatabaseEndpoint, Field(repr=False)] = "chdb://./agenttrace-data"
    purge_endpoint: Annotated[DatabaseEndpoint | None, Field(repr=False)] = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")] = "agenttrace"
    block_rows: Positive = 100_000
    block_age: Duration = 5.0
    insert_share: Share = 0.05
    ttl: Ttl = Ttl()

    @property
    def embedded(self) -> bool:
        """Whether the database runs inside the collector."""
        return self.endpoint.startswith("chdb:")


class Exporters(Section):
    """What goes out: rows to ClickHouse, enforced OTLP to `otlp_grpc`, `otlp_http`, `otlp_http/name`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OtlpExporter] = Field(init=False)

    clickhouse: ClickHouseExporter = ClickHouseExporter()

    @property
    def otlp(self) -> Mapping[str, OtlpExporter]:
        """The exporters of OTLP by name."""
        return self.__pydantic_extra__ or {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, exporter in self.otlp.items():
            check_exporter(name, exporter)
        return self


class Api(ListenerSection):
    """The HTTP API and the pages."""

    endpoint: Endpoint | None = "127.0.0.1:8400"


class ClickHouseHttp(ListenerSection):
    """Read-only HTTP in ClickHouse's form, for the embedded database only."""

    endpoint: Endpoint | None = "127.0.0.1:8123"


class HealthCheck(ListenerSection):
    """200 when requests can be accepted."""

    endpoint: Endpoint | None = "127.0.0.1:13133"


class Auth(Section):
    """Bearer tokens and what they allow; without any, everything that is reachable is allowed.

    `allowed_hosts`: names by which browsers may reach the collector while there are no tokens.
    """

    tokens_file: Path | None = None
    allowed_hosts: tuple[HostName, ...] = ()


class Extensions(Section):
    """What stands beside the way of the data."""

    api: Api = Api()
    clickhouse_http: ClickHouseHttp = ClickHouseHttp()
    health_check: HealthCheck = HealthCheck()
    auth: Auth = Auth()


class Metrics(Section):
    """Where Prometheus reads the collector's own metrics; `address: null` switches them off."""

    address: Endpoint | None = "127.0.0.1:8888"
    tls: Tls | None = None
    require_token: bool = False


class Logs(Section):
    """How much the collector says, and in which form."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    encoding: Literal["console", "json"] = "console"
    otlp: OwnOtlp | None = None


class Traces(Section):
    """Where the collector's own spans go; null: it makes none."""

    otlp: OwnOtlp | None = None


class TelemetrySection(Section):
    """What the collector says of itself."""

    metrics: Metrics = Metrics()
    logs: Logs = Logs()
    traces: Traces = Traces()


class ServiceSection(Section):
    """The process itself; `drain_timeout` is what a stop may take before the rest waits in the journal."""

    telemetry: TelemetrySection = TelemetrySection()
    drain_timeout: Duration = 20.0
    pipelines: Pipelines = Pipelines()


class Config(Section):
    """Everything; `Config()` is the configuration without a file."""

    receivers: Receivers = Receivers()
    processors: Processors = Processors()
    decode: DecodeSection = DecodeSection()
    journal: JournalSection = JournalSection()
    exporters: Exporters = Exporters()
    extensions: Extensions = Extensions()
    derive: Derive = Derive()
    forward: Forward = Forward()
    service: ServiceSection = ServiceSection()

    @model_validator(mode="after")
    def _pipelines_exist(self) -> Self:
        self.service.pipelines.check(self.exporters.otlp)
        return self

    @model_validator(mode="after")
    def _own_telemetry_leads_elsewhere(self) -> Self:
        telemetry, protocols = self.service.telemetry, self.receivers.otlp.protocols
        for name, own in (("traces", telemetry.traces.otlp), ("logs", telemetry.logs.otlp)):
            if own and any(own.leads_to(each.endpoint) for each in (protocols.grpc, protocols.http)):
                message = f"service.telemetry.{name}.otlp leads to this collector: it must be another's"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _metrics_tokens_exist(self) -> Self:
        if self.service.telemetry.metrics.require_token and self.extensions.auth.tokens_file is None:
            message = "service.telemetry.metrics.require_token needs extensions.auth.tokens_file"
            raise ValueError(message)
        return self
