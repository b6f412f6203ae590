-- Recorded or derived, where one is chosen, of runs that their facts do not answer for.
({source:String} = '' OR source = {source:String})
                  AND ${recorded_apart}
                  AND run_id GLOBAL IN (
                    ${uncovered}
                  )
