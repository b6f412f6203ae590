"""Response models."""
