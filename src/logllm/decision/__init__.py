"""From scores to decisions: severity, threshold, calibration, drift, evidence."""
