"""How rightly and how fast logs are read as events."""
