"""The pictures of the report as inline SVG, drawn as on the live page: one colour and one stroke for each segment."""

from dashboards.report.drawing.bars import Bar, hip_gives, levels, shares, thirds
from dashboards.report.drawing.course import CoursePoint, course
from dashboards.report.drawing.figure import Pose, figure
from dashboards.report.drawing.squares import Curve, Square, spine_steps_in, square
from dashboards.report.drawing.traces import Label, Strip, strip

__all__ = [
    "Bar",
    "CoursePoint",
    "Curve",
    "Label",
    "Pose",
    "Square",
    "Strip",
    "course",
    "figure",
    "hip_gives",
    "levels",
    "shares",
    "spine_steps_in",
    "square",
    "strip",
    "thirds",
]
