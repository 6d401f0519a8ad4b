/* Median lumbar share before and after each treatment: up to 14 days before it, after it in the same session, and 14 days later. */
WITH treatments AS (
    SELECT
        athlete,
        session,
        treated,
        coalesce(lag(treated) OVER own, treated - INTERVAL 14 DAY) AS former,
        coalesce(lead(treated) OVER own, treated + INTERVAL 14 DAY) AS next
    FROM sessions
    WHERE treated IS NOT NULL
    WINDOW own AS (PARTITION BY athlete ORDER BY treated)
),
near AS (
    SELECT
        t.athlete,
        t.session AS treatment,
        t.treated,
        r.movement,
        r.side,
        r.lumbar_share_of_trunk AS share,
        CASE WHEN r.at < t.treated THEN 'before' WHEN r.session = t.session THEN 'after' ELSE 'later' END AS period
    FROM treatments AS t
    JOIN repetitions AS r
        ON r.athlete = t.athlete
        AND r.at >= greatest(t.former, t.treated - INTERVAL 14 DAY)
        AND r.at < least(t.next, t.treated + INTERVAL 14 DAY)
    WHERE r.counted AND r.lumbar_share_of_trunk IS NOT NULL
)
SELECT
    athlete,
    treated,
    movement,
    side,
    count(*) FILTER (period = 'before') AS n_before,
    count(*) FILTER (period = 'after') AS n_after,
    count(*) FILTER (period = 'later') AS n_later,
    round(CAST(median(share) FILTER (period = 'before') AS DOUBLE), 3) AS before,
    round(CAST(median(share) FILTER (period = 'after') AS DOUBLE), 3) AS after,
    round(CAST(median(share) FILTER (period = 'later') AS DOUBLE), 3) AS later,
    round(CAST(median(share) FILTER (period = 'after') - median(share) FILTER (period = 'before') AS DOUBLE), 3) AS change,
    round(CAST(median(share) FILTER (period = 'later') - median(share) FILTER (period = 'before') AS DOUBLE), 3) AS change_later
FROM near
GROUP BY athlete, treatment, treated, movement, side
HAVING n_before > 0 AND n_after + n_later > 0
ORDER BY athlete, treated, movement, side
