-- The runs that the filters leave.
population AS
    (
        SELECT run_id, status
        FROM ${heads}
        WHERE ${scope}
          AND ${started}
          AND ${tool}
    )
