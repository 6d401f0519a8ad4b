/* The latest session of each player: when, how many repetitions count, the hip screen's pattern, pain. */
SELECT
    s.athlete,
    s.day,
    s.session,
    s.repetitions,
    (SELECT count(*) FROM repetitions AS r WHERE r.athlete = s.athlete AND r.session = s.session AND r.counted) AS counted,
    s.pattern,
    s.pattern_side,
    s.pattern_confidence,
    s.pain,
    s.calibration_confidence
FROM sessions AS s
WHERE s.start IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY s.athlete ORDER BY s.start DESC) = 1
ORDER BY s.athlete
