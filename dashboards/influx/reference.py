"""`docs/influx-schema.md`: the points that hiphinge writes into InfluxDB, generated from the schema table.

`python -m dashboards.influx.reference > docs/influx-schema.md` writes it; a test compares the file with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from body_signals import ESTIMATORS
from dashboards.influx.line_protocol import FIELDS, TAGS
from dsp.decimation import OUTPUT_HZ

_INTRODUCTION = """# What is in InfluxDB

Generated from `dashboards/influx/line_protocol.py`; do not edit by hand (`python -m dashboards.influx.reference`).

Names and units are those of the tables ([quantities.md](quantities.md)). Timestamps are nanoseconds: the session's `start` plus
the session time. Every line has all tags of its measurement, in the order below; a field never changes its type; a missing
value is an absent field. Tags and timestamps are functions of the results alone, so sending twice changes nothing, and a
later analysis overwrites the earlier one. Nothing has to be deleted: a repetition that a later analysis no longer
finds is overwritten with `void=true`. Ratios are computed before they are sent, because InfluxQL divides by zero to 0.
"""

_RATES = {
    "angles": f"One line per tick at {OUTPUT_HZ:g} Hz: the mean of the ticks up to the kept one, rounded to 1/64°, "
    "which takes a quarter of the space of full digits.",
    "repetition": "One line per repetition, at its beginning. The movement kind is a field, because a person may correct it.",
    "session": "One line per session and estimator, at the session's start.",
    "screen": "One line per session and estimator, at the session's start: the hip screen ([screen.md](screen.md)), medians "
    "over the repetitions of each test. A test that was not scored has only its number of repetitions.",
    "mark": "One line per mark, note or pain, at its time; the same for both estimators. An entry that is removed "
    "afterwards is overwritten with `void=true`. Grafana's pages show them as annotations.",
    "sensor_health": "One line per sensor and session, at the session's start, with its totals; and one at the end of "
    "each minute, with the fields from `minute_samples` on. The same for both estimators. Plain sessions have no minutes.",
}

EXAMPLES = {
    "angles": "angles,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,estimator=live "
    "lumbar_flexion_deg=21.25,lumbar_flexion_sd_deg=0.984375,pelvis_tilt_deg=30.5,quality=0i 1795442760040000000",
    "repetition": "repetition,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,estimator=review "
    'index=3i,start_s=61.2,turn_s=63.1,end_s=65.4,movement="bend",quality=0i,lumbar_rom_deg=48.2,'
    "lumbar_share_of_trunk=0.47,void=false 1795442761200000000",
    "session": "session,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,estimator=review "
    'duration_s=3600.0,repetitions=140i,sets=14i,exposure_lumbar_flexion_s_below_20=2903.5,software="hiphinge 0.1.0" '
    "1795442700000000000",
    "screen": "screen,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,estimator=review "
    'pattern=2i,pattern_words="The hips run out first, and the lumbar spine makes up the rest.",side="left",'
    'agreeing=3i,confidence="high",borderline=0i,bend_repetitions=4i,bend_lumbar_share_of_trunk=0.78,'
    "bend_lumbar_share_of_trunk_spread=0.02,knee_raise_left_repetitions=3i,knee_raise_left_hip_peak_deg=74.0 "
    "1795442700000000000",
    "mark": "mark,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,estimator=review "
    'label="pain 3 left hip",pain=3.0,void=false 1795442795000000000',
    "sensor_health": "sensor_health,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,placement=pelvis "
    'family="hiphinge-v1",rate_hz=100.0,samples=359998i,lost=2i,lost_exact=true,saturated=0i,gaps=0i,late_s=0.4 '
    "1795442700000000000\n"
    "sensor_health,athlete=player-07,session=2026-11-23T14-05-00Z_player-07,placement=pelvis "
    "minute_samples=5998i,minute_lost=2i,battery_percent=87.0,delay_ms=12.4,delay_max_ms=61.0,clock_ppm=-8.3 "
    "1795442760000000000",
}
"""Lines of each measurement, with some of its fields."""

_TAG_WORDS = {
    "athlete": "the pseudonym of session.toml; as many values as athletes",
    "session": "the name of the session's folder; one more value with each session",
    "estimator": f"{' or '.join(ESTIMATORS)}",
    "placement": "where the sensor was worn, or its name; four values, more where other sensors were worn",
}

SENSORS = 4


def series_of_a_session(sensors: int = SENSORS) -> int:
    """Number of series of a session, both estimators."""
    return sum(sensors if "placement" in tags else len(ESTIMATORS) for tags in TAGS.values())


def influx_page() -> str:
    """The page in Markdown, with a final line end."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## How many series\n"
    yield (
        f"A session makes {series_of_a_session()} series: {' and '.join(ESTIMATORS)} of `angles`, `repetition`, `session`,\n"
        f"`screen` and `mark` (where something was marked), and `sensor_health` of {SENSORS} sensors. So series grow with\n"
        f"sessions, and with nothing else: 1000 sessions make {1000 * series_of_a_session():,} series.\n"
        "[operations.md](operations.md) says what a season comes to.\n"
    )
    for measurement, tags in TAGS.items():
        yield f"## `{measurement}`\n\n{_RATES[measurement]}\n"
        yield "| tag | values |\n| --- | --- |"
        for tag in tags:
            yield f"| `{tag}` | {_TAG_WORDS[tag]} |"
        yield f"\n```\n{EXAMPLES[measurement]}\n```\n"
        yield "| field | unit | type | meaning |\n| --- | --- | --- | --- |"
        for field in FIELDS[measurement]:
            yield f"| `{field.name}` | {field.unit} | {field.type} | {field.description.replace('|', chr(92) + '|')} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(influx_page())
