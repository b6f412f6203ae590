-- Of one evaluation, where one is named.
({name:String} = '' OR name = {name:String})
