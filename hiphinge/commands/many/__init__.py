"""The commands about all sessions of a season or a cohort, one file each."""
