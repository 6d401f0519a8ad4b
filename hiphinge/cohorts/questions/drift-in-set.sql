/* Who drifts within a set: the lumbar share of a set's last third minus that of its first; sets of six repetitions or more. */
WITH placed AS (
    SELECT
        athlete,
        session,
        movement,
        set_number,
        lumbar_share_of_trunk AS share,
        ntile(3) OVER (PARTITION BY athlete, session, set_number ORDER BY in_set) AS third,
        count(*) OVER (PARTITION BY athlete, session, set_number) AS size
    FROM repetitions
    WHERE counted AND lumbar_share_of_trunk IS NOT NULL
),
sets AS (
    SELECT athlete, session, movement, set_number,
        median(share) FILTER (third = 3) - median(share) FILTER (third = 1) AS drift
    FROM placed
    WHERE size >= 6
    GROUP BY athlete, session, movement, set_number
)
SELECT
    athlete,
    movement,
    count(DISTINCT session) AS sessions,
    count(*) AS sets,
    round(CAST(median(drift) AS DOUBLE), 3) AS drift,
    round(CAST(quantile_cont(drift, 0.25) AS DOUBLE), 3) AS lower_quarter,
    round(CAST(quantile_cont(drift, 0.75) AS DOUBLE), 3) AS upper_quarter,
    -- 8 points are the least change of a share that can be told (Laird 2016)
    count(*) FILTER (abs(drift) >= 0.08) AS sets_beyond_8_points
FROM sets
GROUP BY athlete, movement
ORDER BY abs(median(drift)) DESC, athlete, movement
