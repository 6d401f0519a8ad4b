"""The report of a session: one HTML file that opens without a network and prints on A4."""

from dashboards.report.page import write_report

__all__ = ["write_report"]
