-- Counts of everything
-- Runs by outcome, and how many steps, failures, decisions, quality signals and evaluations there are in a range of time.
WITH
    (
        SELECT (
            count(), countIf(status = 'success'), countIf(status = 'failure'), countIf(status = 'partial'),
            uniqExact(agent_id), uniqExact(agent_id, agent_version)
        )
        FROM ${heads}
        WHERE ${scope}
          AND ${started}
    ) AS found
SELECT
    found.1 AS runs, found.2 AS successful, found.3 AS failed, found.4 AS partial, found.5 AS agents, found.6 AS versions,
    (
        SELECT count()
        FROM steps
        WHERE ${scope}
          AND role = 'leaf'
          AND ${started}
    ) AS steps,
    (
        SELECT count()
        FROM failures
        WHERE ${scope}
          AND occurred_at >= {start_time:DateTime64(6, 'UTC')} AND occurred_at < {end_time:DateTime64(6, 'UTC')}
    ) AS failures,
    (
        SELECT count()
        FROM decisions
        WHERE ${scope}
          AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
    ) AS decisions,
    (
        SELECT count()
        FROM quality_signals
        WHERE ${scope}
          AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
    ) AS quality_signals,
    (
        SELECT count()
        FROM evaluations
        WHERE ${scope}
          AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
    ) AS evaluations
