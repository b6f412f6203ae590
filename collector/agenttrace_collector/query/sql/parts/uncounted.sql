-- The tenant's runs of which something is stored that no facts count.
SELECT run_id FROM uncounted_runs FINAL WHERE tenant = {tenant:String}
