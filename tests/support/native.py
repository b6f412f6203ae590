"""The compiled engine where it is built; tests of it are skipped elsewhere, and say so."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

from agenttrace_collector.decode.native import MODULE, NativeEngine
from agenttrace_schemas.rules import Policy

needs_engine = pytest.mark.skipif(
    find_spec(MODULE) is None, reason="the compiled engine is not built: make builds it where cargo is"
)


def engines(policies: Sequence[Policy]) -> dict[int, NativeEngine]:
    """A compiled engine for each policy, by the identity of the policy."""
    return {id(policy): NativeEngine(policy) for policy in policies}
