/* Median lumbar share of the trunk's movement, by player, week and movement; of the repetitions that count. */
SELECT
    athlete,
    week,
    movement,
    count(DISTINCT session) AS sessions,
    count(*) AS repetitions,
    round(CAST(median(lumbar_share_of_trunk) AS DOUBLE), 3) AS share,
    round(CAST(median(lumbar_share_of_trunk_sd) AS DOUBLE), 3) AS share_sd,
    round(CAST(quantile_cont(lumbar_share_of_trunk, 0.25) AS DOUBLE), 3) AS lower_quarter,
    round(CAST(quantile_cont(lumbar_share_of_trunk, 0.75) AS DOUBLE), 3) AS upper_quarter
FROM repetitions
WHERE counted AND lumbar_share_of_trunk IS NOT NULL AND week IS NOT NULL
GROUP BY athlete, week, movement
ORDER BY athlete, week, movement
