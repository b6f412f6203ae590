"""The compiled engine where it is built; tests of it are skipped elsewhere, and say so."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

import pytest

from agenttrace_collector.config.decode import DecodeEngine, DecodeSection
from agenttrace_collector.config.derive import Derive
from agenttrace_collector.config.sections import Config
from agenttrace_collector.decode.compiled import MODULE
from agenttrace_collector.decode.native import NativeEngine
from agenttrace_schemas.rules import Policy

needs_engine = pytest.mark.skipif(
    find_spec(MODULE) is None, reason="the compiled engine is not built: make builds it where cargo is"
)
_ENGINES: Final[Sequence[tuple[DecodeEngine, Any]]] = (("python", ()), ("native", needs_engine))
# Configurations that settle at once, by either engine.
AT_ONCE_BY_BOTH: Final = tuple(
    pytest.param(
        Config(decode=DecodeSection(engine=engine), derive=Derive(quiet=0.001)), id=engine, marks=marks
    )
    for engine, marks in _ENGINES
)


def engines(policies: Sequence[Policy]) -> dict[int, NativeEngine]:
    """A compiled engine for each policy, by the identity of the policy."""
    return {id(policy): NativeEngine(policy) for policy in policies}
