-- Recorded when records of runs that their facts do not answer for may have been.
(recorded_at >= apart_since OR recorded_at < counted_from + INTERVAL 1 DAY)
