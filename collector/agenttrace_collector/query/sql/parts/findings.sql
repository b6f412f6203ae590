-- What was tested, with the q-values of Benjamini and Hochberg over all rows of the answer.
difference, difference_low, difference_high, effect_size, under_support, test, p_value,
    if(
        isNull(p_value), NULL,
        least(1., min(p_value * tests / place) OVER (ORDER BY place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
    ) AS q_value
