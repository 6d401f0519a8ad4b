"""A cohort: repetitions, screens and summaries of many sessions, one Parquet file an athlete, and questions asked of all."""
