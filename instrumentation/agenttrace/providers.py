"""The tracer providers of this process: the SDK's own, also behind proxies, each with our processor once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from agenttrace.identity import IdentityMap
from agenttrace.notices import LOGGER
from agenttrace.processor import RunSpanProcessor

# Where proxies keep what they stand for: Logfire's, and those of libraries that wrap a provider.
_INNER: Final = (
    "provider",
    "_provider",
    "_tracer_provider",
    "_real_provider",
    "_delegate",
    "_wrapped",
    "__wrapped__",
)
_DEEPEST: Final = 8

_PROCESSORS: Final[IdentityMap[trace.TracerProvider, RunSpanProcessor]] = IdentityMap()
_STAMPS: Final[IdentityMap[trace.TracerProvider, Mapping[str, str]]] = IdentityMap()
# Of these only those that stand for another.
_PROXIES: Final[IdentityMap[trace.TracerProvider, Mapping[str, str]]] = IdentityMap()
_USED: Final[IdentityMap[trace.TracerProvider, bool]] = IdentityMap()


def real_provider(provider: trace.TracerProvider) -> trace.TracerProvider:
    """The SDK's provider behind proxies; where none is found, the innermost provider that is."""
    found: trace.TracerProvider = provider
    for _ in range(_DEEPEST):
        inner = None if isinstance(found, TracerProvider) else _inner(found)
        if inner is None or inner is found:
            break
        found = inner
    return found


def _inner(provider: trace.TracerProvider) -> trace.TracerProvider | None:
    if isinstance(provider, trace.ProxyTracerProvider):
        return trace.get_tracer_provider()
    candidates = (getattr(provider, name, None) for name in _INNER)
    return next((found for found in candidates if hasattr(found, "get_tracer")), None)


def existing_provider() -> trace.TracerProvider | None:
    """The provider that the application or another library has set; None where there is none."""
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def stamp(provider: trace.TracerProvider, stamps: Mapping[str, str]) -> None:
    """Let spans of this provider carry run and agent; a second call only renames the agent."""
    _STAMPS[provider] = stamps
    if not isinstance(provider, TracerProvider):
        _PROXIES[provider] = stamps
    if not _add_processor(provider, stamps):
        LOGGER.warning(
            "the application's tracer provider takes no span processors: "
            "spans that others start are not stamped with run and agent"
        )


def follow_providers() -> None:
    """Stamp what a proxy stands for by now: Logfire makes a provider each time it is configured."""
    for provider, stamps in _PROXIES.items() if _PROXIES else ():
        _add_processor(provider, stamps)


_made: TracerProvider | None = None


def keep_made(provider: TracerProvider) -> TracerProvider:
    """Remember a provider that this package has made, so that it can be shut down."""
    global _made  # noqa: PLW0603 - one for a process, as the global provider is
    _made = provider
    return provider


def made_provider() -> TracerProvider | None:
    """The provider that this package has made, None where the application has its own."""
    return _made


def use_provider(provider: trace.TracerProvider | None) -> None:
    """Remember a provider that runs are recorded on, so that it is flushed."""
    if provider is not None:
        _USED[provider] = True


def known_providers() -> list[trace.TracerProvider]:
    """Every provider that was set up or that a tracer was made for, and the global one; no proxies."""
    found = [provider for provider, _ in (*_STAMPS.items(), *_USED.items())]
    reals = [real_provider(provider) for provider in (*found, trace.get_tracer_provider())]
    return list({id(real): real for real in reals}.values())


def _add_processor(provider: trace.TracerProvider, stamps: Mapping[str, str]) -> bool:
    real = real_provider(provider)
    add = getattr(real, "add_span_processor", None)
    if add is None:
        return False
    processor = _PROCESSORS.get(real)
    if processor is None:
        processor = _PROCESSORS.setdefault(real, RunSpanProcessor())
        add(processor)
    processor.outside_runs = stamps
    return True
