-- Within a range of time, its start included, its end not.
started_at >= {start_time:DateTime64(6, 'UTC')} AND started_at < {end_time:DateTime64(6, 'UTC')}
