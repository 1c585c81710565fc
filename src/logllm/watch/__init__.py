"""A log as it grows: follow, score, send alerts, keep state."""
