"""`python -m agenttrace_collector.cli` is the `agenttrace` command."""

from agenttrace_collector.launch import main

main()
