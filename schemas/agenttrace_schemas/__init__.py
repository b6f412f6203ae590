"""The contract of AgentTrace: vocabulary, wire names, rules, rows and SQL; standard library only."""
