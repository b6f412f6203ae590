"""The composition root: reads like the picture of the architecture; nobody else builds the parts.

otlp_grpc ┐
otlp_http ┴→ decode → journal → delivery → ClickHouse        health, metrics beside
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol

from agenttrace_collector.auth import Authenticator
from agenttrace_collector.config import Config, ConfigError, Source, build_policy
from agenttrace_collector.config.sections import MemoryLimiter
from agenttrace_collector.config.values import Address
from agenttrace_collector.decode.otlp import decode_logs, decode_traces
from agenttrace_collector.decode.otlp_json import logs_from_json, traces_from_json
from agenttrace_collector.exposure import warn_if_exposed
from agenttrace_collector.flow import Flow, Limits
from agenttrace_collector.health import Health
from agenttrace_collector.http_server import serve_http
from agenttrace_collector.notify import notify
from agenttrace_collector.receivers.ingest import Ingest
from agenttrace_collector.receivers.otlp_grpc import GrpcReceiver
from agenttrace_collector.receivers.otlp_http import HttpReceiver
from agenttrace_collector.receivers.signals import logs, traces
from agenttrace_collector.storage import Storage, opened_storage
from agenttrace_collector.telemetry import Telemetry, metrics_app

_log: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024
_MOST_FILES: Final = 65_536
_SIGNALS: Final = (traces(decode_traces, traces_from_json), logs(decode_logs, logs_from_json))


class Listener(Protocol):
    """Something that listens until it is told to stop."""

    @property
    def address(self) -> Address:
        """Where."""

    async def stop(self, grace: float) -> None:
        """Take nothing new; what is under way has `grace` seconds."""


@dataclass(slots=True)
class Service:
    """One collector; `run` returns when `stop` was called and everything is put away."""

    config: Config
    source: Source
    telemetry: Telemetry = field(default_factory=Telemetry)
    health: Health = field(default_factory=Health)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _ends_at: float = 0.0
    _reloads: list[Callable[[Config], None]] = field(default_factory=list)

    async def run(self) -> None:
        """Start, serve, drain."""
        config = self.config
        warn_if_exposed(config)
        _raise_file_limit()
        self._listen_to_signals(config.service.drain_timeout)
        async with AsyncExitStack() as stack:
            await self._observe(config, stack)
            storage = await stack.enter_async_context(opened_storage(config, self._remaining))
            await self._receive(config, storage, stack)
            notify("READY=1")
            await self._stopping.wait()

    def stop(self, drain_timeout: float) -> None:
        """Take nothing new, deliver what is there within these seconds, and end."""
        if not self._stopping.is_set():
            _log.info("stopping: taking nothing new, delivering what is there")
            notify("STOPPING=1")
            self.health.stopping = True
            self._ends_at = asyncio.get_running_loop().time() + drain_timeout
            self._stopping.set()

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

    async def _observe(self, config: Config, stack: AsyncExitStack) -> None:
        """Health and metrics: up before everything else, down after it."""
        self.health.obstacles["service"] = lambda: "starting"
        check, metrics = config.extensions.health_check, config.service.telemetry.metrics
        if check.endpoint:
            self._keep(stack, serve_http(self.health.app(), check.endpoint, check.tls))
        if metrics.address:
            self._keep(stack, serve_http(metrics_app(self.telemetry), metrics.address, metrics.tls))

    async def _receive(self, config: Config, storage: Storage, stack: AsyncExitStack) -> None:
        """The receivers, last to open and first to close."""
        authenticator = Authenticator.from_file(config.extensions.auth.tokens_file)
        self._reloads.append(lambda fresh: authenticator.reload(fresh.extensions.auth.tokens_file))
        flow = await self._flow(config, stack)
        decoder = stack.enter_context(ThreadPoolExecutor(1, "decode"))
        policy = build_policy(config.processors.enforce)
        ingest = Ingest(policy, storage.journal, flow, self.telemetry, decoder)
        self._watch(storage, flow)
        protocols = config.receivers.otlp.protocols
        if protocols.grpc.endpoint:
            grpc = GrpcReceiver(protocols.grpc, ingest, authenticator, _SIGNALS)
            self._keep(stack, await grpc.start(protocols.grpc.endpoint))
        if protocols.http.endpoint:
            http = HttpReceiver(protocols.http, ingest, authenticator, _SIGNALS)
            self._keep(stack, serve_http(http.app(), protocols.http.endpoint, protocols.http.tls))

    async def _flow(self, config: Config, stack: AsyncExitStack) -> Flow:
        limiter = config.processors.memory_limiter
        flow = Flow(_limits(limiter, config.receivers.otlp.max_concurrent_requests))
        watching = asyncio.create_task(flow.watch(limiter.check_interval), name="memory")
        stack.callback(watching.cancel)
        return flow

    def _watch(self, storage: Storage, flow: Flow) -> None:
        self.telemetry.watch(storage.readings)
        self.health.facts["journal"] = storage.facts
        self.health.obstacles = {
            "journal": storage.obstacle,
            "memory": lambda: "" if flow.has_room else "memory is over its soft limit",
        }

    def _keep(self, stack: AsyncExitStack, listener: Listener) -> None:
        """Listen until the stack unwinds."""

        async def stop() -> None:
            await listener.stop(self._remaining())

        stack.push_async_callback(stop)

    def _remaining(self) -> float:
        """Seconds until the drain must be over."""
        return max(0.0, self._ends_at - asyncio.get_running_loop().time())

    def _listen_to_signals(self, drain_timeout: float) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, drain_timeout)
        loop.add_signal_handler(signal.SIGHUP, self.reload)


def _limits(limiter: MemoryLimiter, requests: int) -> Limits:
    return Limits(requests, limiter.soft_limit_mib * _MIB, limiter.limit_mib * _MIB)


def _raise_file_limit() -> None:
    """Each idle connection holds a file; the usual soft limit of 1,024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
