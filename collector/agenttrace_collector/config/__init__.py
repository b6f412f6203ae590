"""The collector's configuration: YAML in the OpenTelemetry Collector's shape, checked as a whole."""

from agenttrace_collector.config.load import Source, load_config
from agenttrace_collector.config.policy import build_policy
from agenttrace_collector.config.problems import ConfigError, Problem
from agenttrace_collector.config.sections import Config
from agenttrace_collector.config.values import Address, address

__all__ = [
    "Address",
    "Config",
    "ConfigError",
    "Problem",
    "Source",
    "address",
    "build_policy",
    "load_config",
]
