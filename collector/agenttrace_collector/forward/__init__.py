"""The gate: enforced OTLP for other backends, made anew from what is read."""
