"""The report of a session: one HTML file that opens without a network and prints on A4."""

from dashboards.report.page import report_html, write_report

__all__ = ["report_html", "write_report"]
