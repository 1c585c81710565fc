"""Everything that measures: run as `python -m benchmarks.FOLDER.NAME` from the repository's root."""
