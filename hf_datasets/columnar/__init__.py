"""Whole logs as columns: what `build` works on."""
