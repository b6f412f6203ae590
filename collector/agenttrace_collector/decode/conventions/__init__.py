"""What each tracing convention says about a span, one table each."""
