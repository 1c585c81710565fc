"""Log systems: the table of formats, their patterns, the readers of their fields."""
