"""What the collector tells its operator: metrics, its log, its memory."""
