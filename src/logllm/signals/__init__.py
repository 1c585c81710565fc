"""Events judged: what is new, out of order, too many, too few, an unusual value, or grave in a log, without a model."""
