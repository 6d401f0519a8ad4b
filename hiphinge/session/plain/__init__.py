"""A session of files that others made, examined whole before anything is computed: samples and clocks."""
