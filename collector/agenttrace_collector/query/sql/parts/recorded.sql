-- Recorded within a range of time, its start included, its end not; recorded or derived, where one is chosen.
({source:String} = '' OR source = {source:String})
          AND recorded_at >= {start_time:DateTime64(6, 'UTC')} AND recorded_at < {end_time:DateTime64(6, 'UTC')}
