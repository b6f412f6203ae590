-- Whatever is stored of runs that their facts do not answer for is of this time or later, or was stored before
-- `counted_from`: settling reads all of a run, and notes from when to when it has records that are not counted.
assumeNotNull((
        SELECT min(each)
        FROM
        (
            SELECT if(count() = 0, toDateTime64('2200-01-01 00:00:00', 9, 'UTC'), min(first)) AS each
            FROM
            (
                SELECT min(earliest) AS first
                ${unsettled_marks}
            )
            UNION ALL
            SELECT if(count() = 0, toDateTime64('2200-01-01 00:00:00', 9, 'UTC'), min(started_at))
            FROM run_facts FINAL
            WHERE tenant = {tenant:String}
              AND run_id GLOBAL IN (
                ${unsettled}
              )
            UNION ALL
            SELECT if(count() = 0, toDateTime64('2200-01-01 00:00:00', 9, 'UTC'), min(earliest))
            FROM uncounted_runs FINAL
            WHERE tenant = {tenant:String}
            UNION ALL
            -- Settled before facts counted anything.
            SELECT if(count() = 0, toDateTime64('2200-01-01 00:00:00', 9, 'UTC'), toDateTime64(0, 9, 'UTC'))
            FROM run_facts FINAL
            WHERE tenant = {tenant:String}
              AND NOT counted
              AND run_id GLOBAL NOT IN (
                ${uncounted}
              )
        )
    )) AS apart_since
