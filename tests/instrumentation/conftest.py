"""The pipeline in memory that `agenttrace.testing` offers to agents' own tests."""

from agenttrace.testing import agenttrace_capture

__all__ = ["agenttrace_capture"]
