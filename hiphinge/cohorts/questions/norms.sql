/* The 10th, 50th and 90th centile of each number of the hip screen, over people without pain; each person has one value. */
WITH people AS (
    SELECT
        athlete,
        test,
        side,
        measure,
        unit,
        -- a difference of sides counts in either direction
        median(if(measure = 'hip_difference_deg', abs(value), value)) AS value
    FROM screens
    WHERE athlete NOT IN (SELECT athlete FROM sessions WHERE pain > 0)
    GROUP BY athlete, test, side, measure, unit
)
SELECT
    test,
    side,
    measure,
    unit,
    count(*) AS people,
    -- fewer than 20 people have no centiles
    if(count(*) >= 20, round(centile(list(value), 0.1), 3), NULL) AS centile_10,
    if(count(*) >= 20, round(centile(list(value), 0.5), 3), NULL) AS centile_50,
    if(count(*) >= 20, round(centile(list(value), 0.9), 3), NULL) AS centile_90
FROM people
GROUP BY test, side, measure, unit
ORDER BY test, side, measure
