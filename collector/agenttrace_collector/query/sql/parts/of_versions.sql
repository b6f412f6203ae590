-- Of two versions of an agent, within a range of time.
tenant = {tenant:String}
          AND agent_id = {agent_id:String}
          AND agent_version IN ({version_a:String}, {version_b:String})
          AND ({environment:String} = '' OR environment = {environment:String})
          AND ${started}
          AND ${tool}
