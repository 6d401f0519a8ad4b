"""Getting results out: tables, InfluxDB, reports."""
