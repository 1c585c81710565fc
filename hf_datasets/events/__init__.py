"""From the bytes of any log to events: formats, times, severities, joining, templates."""
