-- Whether a run was stored as a document
-- How many documents of this run POST /v1/runs has stored; asked before one is stored again.
SELECT count() AS documents
FROM agent_runs
WHERE tenant = {tenant:String} AND run_id = {run_id:UUID} AND source = 'api'
