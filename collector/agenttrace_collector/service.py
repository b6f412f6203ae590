"""The composition root: the only place that builds the parts of the collector.

otlp_grpc ┐
otlp_http ┴→ decode → journal → delivery → ClickHouse ←┬ settle        health, metrics beside
             gate   ↗         ↘ forward → other backends └ api
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import re
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from starlette.types import ASGIApp

from agenttrace_collector.clickhouse.database import Database, open_writer
from agenttrace_collector.clickhouse.purge_client import Erasure, opened_erasure
from agenttrace_collector.config import Config, ConfigError, Source, build_policy
from agenttrace_collector.config.directories import warn_if_readable, warn_of_old_place
from agenttrace_collector.config.exposure import warn_if_exposed
from agenttrace_collector.config.sections import Tls
from agenttrace_collector.config.site_key import site_key, warn_without_key
from agenttrace_collector.config.values import Address
from agenttrace_collector.decode.engine import Engine, engine_readings, engine_state, open_engine
from agenttrace_collector.forward.gate import open_gate
from agenttrace_collector.receivers.admission import AdmissionController, limits_from
from agenttrace_collector.receivers.decoder import Decoder
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.receivers.otlp_grpc import GrpcLimits, GrpcReceiver
from agenttrace_collector.receivers.otlp_http import HttpReceiver
from agenttrace_collector.receivers.quotas import Quotas
from agenttrace_collector.receivers.request_metrics import RequestMetrics
from agenttrace_collector.receivers.signals import all_signals
from agenttrace_collector.server.auth import Authenticator
from agenttrace_collector.server.browsers import BrowserGuard, BrowserRules, origins_pattern
from agenttrace_collector.server.connections import ConnectionLimits, Connections
from agenttrace_collector.server.files import grpc_connections, http_connections, raise_file_limit
from agenttrace_collector.server.health import Health
from agenttrace_collector.server.http import HttpListener, serve_http
from agenttrace_collector.server.lazy_app import LazyApp
from agenttrace_collector.server.metrics import metrics_app
from agenttrace_collector.server.shutdown import Shutdown
from agenttrace_collector.server.systemd import notify
from agenttrace_collector.settle.backlog import Backlog
from agenttrace_collector.settle.share import Share
from agenttrace_collector.settle.store import SettlingDatabase as Queryable
from agenttrace_collector.settle.store import SettlingStore
from agenttrace_collector.settle.worker import Settler, settling
from agenttrace_collector.storage import Storage, opened_storage
from agenttrace_collector.telemetry.logging import log_loop_error
from agenttrace_collector.telemetry.memory import keep_memory_together
from agenttrace_collector.telemetry.metrics import Telemetry
from agenttrace_schemas.retention import kept_seconds
from agenttrace_schemas.rules import Policy

_log: Final = logging.getLogger(__name__)


class Listener(Protocol):
    """A server that listens until `stop`."""

    @property
    def address(self) -> Address:
        """Where."""

    async def stop(self, grace: float) -> None:
        """Take nothing new; what is under way has `grace` seconds."""


Keep: TypeAlias = Callable[[str, Listener], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the receivers need."""

    policy: Policy
    engine: Engine
    storage: Storage
    flow: AdmissionController
    quotas: Quotas


@dataclass(slots=True)
class Service:
    """One collector; `run` returns when it has shut down."""

    config: Config
    source: Source
    telemetry: Telemetry = field(default_factory=Telemetry)
    health: Health = field(default_factory=Health)
    _reloads: list[Callable[[Config], None]] = field(default_factory=list)
    _lifetime: Shutdown = field(init=False)
    _authenticator: Authenticator = field(init=False)
    _erasure: Erasure | None = None

    async def run(self) -> None:
        """Start, serve, drain."""
        config = self.config
        warn_if_exposed(config)
        warn_without_key(config)
        clickhouse = config.exporters.clickhouse
        warn_if_readable(config)
        warn_of_old_place(clickhouse.endpoint, clickhouse.database)
        self._authenticator = Authenticator.from_file(config.extensions.auth.tokens_file)
        self._reloads.append(lambda fresh: self._authenticator.reload(fresh.extensions.auth.tokens_file))
        policy = build_policy(config.processors.enforce, site_key(config, make=True))
        engine = open_engine(config.decode.engine, policy)
        raise_file_limit()
        keep_memory_together()
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        lifetime = self._lifetime = Shutdown(config.service.drain_timeout)
        self._listen_to_signals(lifetime)
        async with AsyncExitStack() as stack:
            keep = functools.partial(_keep, stack, lifetime)
            self._observe(keep)
            database = open_writer(config, policy)
            storage = await stack.enter_async_context(opened_storage(config, database, lifetime))
            quotas = Quotas(config.processors.quotas, storage.journal.oldest)
            self.telemetry.watch(quotas.readings)
            parts = Parts(policy, engine, storage, self._flow(stack), quotas)
            await self._settle(database, parts, stack)
            erasing = opened_erasure(config.exporters.clickhouse, storage.flush, storage.set_aside)
            self._erasure = await stack.enter_async_context(erasing)
            await self._receive(parts, stack, keep)
            notify("READY=1")
            await lifetime.wait()
            self._announce_end()
        lifetime.raise_fault()

    def reload(self) -> None:
        """Read the configuration again; tokens and thresholds change, everything else needs a restart."""
        try:
            config = self.source.load()
            for take in self._reloads:
                take(config)
        except ConfigError as error:
            _log.error("not reloaded, the old configuration stays: %s", error)
        else:
            _log.info("tokens and thresholds reloaded")

    def _observe(self, keep: Keep) -> None:
        """Serves health and metrics: they start first and stop last."""
        self.health.obstacles["service"] = lambda: "starting"
        check, metrics = self.config.extensions.health_check, self.config.service.telemetry.metrics
        if check.endpoint:
            # Probes come under any name, and learn nothing of what is stored.
            keep("health", self._http("health", self.health.app(), check.endpoint, check.tls, guarded=False))
        if metrics.address:
            asking = self._authenticator if metrics.require_token else None
            app = metrics_app(self.telemetry, asking)
            keep("metrics", self._http("metrics", app, metrics.address, metrics.tls))

    async def _receive(self, parts: Parts, stack: AsyncExitStack, keep: Keep) -> None:
        """The receivers, last to open and first to close."""
        authenticator = self._authenticator
        decoder = stack.enter_context(Decoder())
        kept = kept_seconds(self.config.exporters.clickhouse.ttl.model_dump())
        storage, flow = parts.storage, parts.flow
        metrics = RequestMetrics(self.telemetry)
        gate = open_gate(self.config.forward, parts.policy)
        copies = {"traces": gate.traces, "logs": gate.logs}
        wanted = {queue.options.signal for queue in storage.queues}
        if gate.agents_as_spans and "traces" in wanted:
            wanted.add("logs")
        forward = {signal: copies[signal] for signal in wanted}
        quotas = parts.quotas
        ingest = Ingest(
            parts.policy, storage.journal, flow, metrics, decoder, kept, quotas=quotas, forward=forward
        )
        protocols = self.config.receivers.otlp.protocols
        signals = all_signals(parts.engine, self.config.receivers.otlp.metrics)
        if protocols.grpc.endpoint:
            limits = GrpcLimits(connections=grpc_connections())
            grpc = GrpcReceiver(protocols.grpc, ingest, authenticator, signals, limits)
            keep("otlp grpc", await grpc.start(protocols.grpc.endpoint))
        if protocols.http.endpoint:
            http = HttpReceiver(protocols.http, ingest, authenticator, signals)
            listener = self._http("otlp http", http.app(), protocols.http.endpoint, protocols.http.tls)
            keep("otlp http", listener)
        await self._serve_answers(ingest, stack, keep)
        await self._serve_sql(stack, keep)
        self._watch(parts, stack)

    async def _serve_answers(self, ingest: Ingest, stack: AsyncExitStack, keep: Keep) -> None:
        """The API; the collector takes requests to store while the libraries of answers are imported."""
        settings = self.config.extensions.api
        if not settings.endpoint:
            return
        readers = await stack.enter_async_context(AsyncExitStack())
        making = asyncio.create_task(self._answering(ingest, readers), name="api")
        stack.callback(making.cancel)
        making.add_done_callback(self._lifetime.on_failure)
        keep("api", self._http("api", LazyApp(making), settings.endpoint, settings.tls))

    async def _answering(self, ingest: Ingest, readers: AsyncExitStack) -> ASGIApp:
        """Builds the dependencies of the API, with connections of its own, so that queries do not delay inserts."""
        api = await asyncio.to_thread(importlib.import_module, "agenttrace_collector.api.app")
        questions, lookups = api.open_questions(self.config)
        for reader in (questions, lookups):
            readers.push_async_callback(asyncio.to_thread, reader.close)
        answers = api.ApiDeps(
            questions, lookups, self._authenticator, ingest.policy, self.health, ingest, self._erasure
        )
        application: ASGIApp = api.build_app(answers)
        web = await asyncio.to_thread(importlib.import_module, "agenttrace_collector.web")
        web.add_pages(application)
        return application

    async def _serve_sql(self, stack: AsyncExitStack, keep: Keep) -> None:
        """SQL over HTTP for an embedded database; a server has its own."""
        settings, database = self.config.extensions.clickhouse_http, self.config.exporters.clickhouse
        if not settings.endpoint or not database.embedded:
            return
        sql = await asyncio.to_thread(importlib.import_module, "agenttrace_collector.sql_endpoint")
        answers = sql.open_sql(self.config, self._authenticator)
        stack.push_async_callback(asyncio.to_thread, answers.close)
        keep(
            "clickhouse http",
            self._http("clickhouse http", sql.build_sql_app(answers), settings.endpoint, settings.tls),
        )

    def _http(
        self, name: str, app: ASGIApp, endpoint: str, tls: Tls | None, *, guarded: bool = True
    ) -> HttpListener:
        """Serve one of the HTTP applications, with its share of connections."""
        if guarded:
            app = BrowserGuard(app, self._browser_rules(), self._origins(name))
        connections = Connections(ConnectionLimits(most=http_connections(name)), name)
        self.telemetry.watch(connections.readings)
        return serve_http(app, endpoint, tls, connections)

    def _browser_rules(self) -> BrowserRules:
        authenticator = self._authenticator
        return BrowserRules(lambda: not authenticator.required, self.config.extensions.auth.allowed_hosts)

    def _origins(self, name: str) -> re.Pattern[str] | None:
        """Only telemetry may come from pages of other origins."""
        cors = self.config.receivers.otlp.protocols.http.cors
        return origins_pattern(cors.allowed_origins) if name == "otlp http" else None

    async def _settle(self, database: Database, parts: Parts, stack: AsyncExitStack) -> None:
        """Settle quiet runs, where there is a database to ask."""
        if not isinstance(database, Queryable):
            return
        # An embedded database has one owner.
        share = None if database.embedded else Share(database)
        tell = parts.quotas.take_unsettled if self.config.processors.quotas.unsettled_runs else None
        settler = Settler(SettlingStore(database), parts.policy, self.config, share=share)
        settler.backlog, settler.obstacle = Backlog(database, tell), parts.storage.database_obstacle
        await stack.enter_async_context(settling(settler))
        self._reloads.append(settler.take)
        self.telemetry.watch(settler.readings)
        self.health.facts["settle"] = settler.facts

    def _flow(self, stack: AsyncExitStack) -> AdmissionController:
        limiter = self.config.processors.memory_limiter
        flow = AdmissionController(limits_from(self.config))
        stack.callback(asyncio.create_task(flow.watch(limiter.check_interval), name="memory").cancel)
        return flow

    def _watch(self, parts: Parts, stack: AsyncExitStack) -> None:
        self.telemetry.watch(parts.storage.readings)
        self.telemetry.watch(lambda: engine_readings(parts.engine))
        self.health.facts |= {"journal": parts.storage.facts, "decode": lambda: engine_state(parts.engine)}
        self.health.obstacles = {
            "journal": parts.storage.obstacle,
            "memory": lambda: "" if parts.flow.has_room else "memory is over its soft limit",
        }
        self.health.api = {"database": parts.storage.database_obstacle}
        stack.callback(asyncio.create_task(self.health.watch(), name="health").cancel)

    def _announce_end(self) -> None:
        _log.info("stopping: accepting no new requests, delivering the journal")
        notify("STOPPING=1")
        self.health.stopping = True

    def _listen_to_signals(self, lifetime: Shutdown) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lifetime.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)


def _keep(stack: AsyncExitStack, lifetime: Shutdown, name: str, listener: Listener) -> None:
    """Listen until the stack unwinds."""
    _log.info("%s listens on %s", name, listener.address)

    async def stop() -> None:
        await listener.stop(lifetime.remaining())

    stack.push_async_callback(stop)
