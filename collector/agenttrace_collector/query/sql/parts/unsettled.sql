-- The tenant's runs of which something is not settled.
SELECT run_id
            ${unsettled_marks}
