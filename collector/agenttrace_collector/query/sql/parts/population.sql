-- The runs that the filters leave.
population AS
    (
        SELECT run_id, status
        FROM runs
        WHERE /* part: scope */
          AND /* part: started */
          AND /* part: tool */
    )
