-- Evaluations with a number, of one name where one is chosen.
tenant = {tenant:String}
          AND isNotNull(score)
          AND ${of_evaluation}
