"""Published experiments and ablations of both detectors."""
