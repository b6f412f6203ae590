-- Runs that began from this time on are answered from their facts, if these count their records: what was stored
-- before may be gone in part, as it expired or was purged; and runs that waited for a month were forgotten.
assumeNotNull((
        SELECT greatest(
            max(each),
            if((SELECT max(watermark) FROM settle_progress) < now64(9) - INTERVAL 29 DAY,
                toDateTime64('2200-01-01 00:00:00', 9, 'UTC'), toDateTime64(0, 9, 'UTC'))
        )
        FROM
        (
            SELECT greatest(
                max(since), argMax(if(seconds = 0, since, now64(9, 'UTC') - toIntervalSecond(seconds)), recorded_at)
            ) AS each
            FROM counted_since
            GROUP BY kind
        )
    )) AS counted_from
