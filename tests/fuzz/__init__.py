"""Fuzzing and corruption of everything that reads a file."""
