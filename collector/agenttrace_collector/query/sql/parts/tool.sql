-- Of runs that used a tool, where one is named.
({tool:String} = '' OR run_id IN (SELECT run_id FROM steps WHERE tenant = {tenant:String} AND tool_name = {tool:String}))
