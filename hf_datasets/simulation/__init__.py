"""Simulated logs with injected faults and true labels."""
