-- Whose rows: of one tenant, and where the filters are not empty, of one agent, version and environment.
tenant = {tenant:String}
          AND ({agent_id:String} = '' OR agent_id = {agent_id:String})
          AND ({agent_version:String} = '' OR agent_version = {agent_version:String})
          AND ({environment:String} = '' OR environment = {environment:String})
