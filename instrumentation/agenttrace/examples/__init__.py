"""Runnable agents: `python -m agenttrace.examples.decisions`, `.signals`, `.everything`.

They send to OTEL_EXPORTER_OTLP_ENDPOINT. No model is called: what each step meets is written down,
so that every run of an example is the same.
"""
