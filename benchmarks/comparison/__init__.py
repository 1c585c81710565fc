"""Every method on the same windows: jobs, tables, plots."""
