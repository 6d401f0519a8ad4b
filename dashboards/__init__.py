"""Output of results. Pure functions of a session's tables, and a thin edge that writes files or sends lines.

For other rooms: `tables` (TableWriter, read_*), `influx` (points, push, InfluxSettings), `terminal` (rich tables),
`report` (write_report), `reference` (quantities_page). Import `report` where it is used: it brings the template engine.
"""
