"""Receivers: bytes in, status out."""
