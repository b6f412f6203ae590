"""Metrics, logging and memory of the collector."""
