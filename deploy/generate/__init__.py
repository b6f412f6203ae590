"""Reference pages made from what they describe: settings, metrics, commands."""
