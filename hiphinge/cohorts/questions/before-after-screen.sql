/* Each number of the hip screen in a session with a treatment: before it and after it. */
SELECT
    athlete,
    session,
    test,
    side,
    measure,
    unit,
    count(*) FILTER (period = 'before') AS n_before,
    count(*) FILTER (period = 'after') AS n_after,
    round(CAST(median(value) FILTER (period = 'before') AS DOUBLE), 3) AS before,
    round(CAST(median(value) FILTER (period = 'after') AS DOUBLE), 3) AS after,
    round(median(value) FILTER (period = 'after') - median(value) FILTER (period = 'before'), 3) AS change,
    max(pain) FILTER (period = 'before') AS pain_before,
    max(pain) FILTER (period = 'after') AS pain_after
FROM screens
WHERE period IS NOT NULL
GROUP BY athlete, session, test, side, measure, unit
HAVING n_before > 0 AND n_after > 0
ORDER BY athlete, session, test, side, measure
