"""The section that chooses what decodes requests."""

from __future__ import annotations

from typing import Literal, TypeAlias

from agenttrace_collector.config.section import Section

DecodeEngine: TypeAlias = Literal["auto", "python", "native"]


class DecodeSection(Section):
    """What decodes requests; `auto` is the compiled engine where it is installed."""

    engine: DecodeEngine = "auto"
