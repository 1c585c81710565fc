"""A detector from a built dataset: labelled splits, presets, published experiments."""
