-- How often a key of the facts was recorded or derived, whichever is asked for.
if({source:String} = 'derived', 0, recorded) + if({source:String} = 'recorded', 0, derived)
