"""The report of a session: one HTML file that opens without a network and prints on A4, in English or German."""

from dashboards.report.asked import Asked, asked_of
from dashboards.report.page import AUDIENCES, answer_lines, report_html, write_report

__all__ = ["AUDIENCES", "Asked", "answer_lines", "asked_of", "report_html", "write_report"]
