"""A detector from an unlabelled log of one's own: fit, update."""
