"""What the measured ways are compared with."""
