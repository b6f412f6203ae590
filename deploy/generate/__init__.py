"""Pages and dashboards made from what they describe: settings, metrics, commands, named queries."""
