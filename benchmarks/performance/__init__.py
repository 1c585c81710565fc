"""Time and memory of building, fitting, watching, scoring, and of the Space."""
