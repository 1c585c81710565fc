"""Pages that are rendered from result files."""
