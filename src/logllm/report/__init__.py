"""What a scan found, as terminal text, JSON, Markdown and HTML."""
