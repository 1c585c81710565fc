"""Errors of this package; each message says what must be, what was found and what to do."""


class LogllmError(ValueError):
    """What a user can put right."""


class CheckpointError(LogllmError):
    """A checkpoint folder that cannot be used: missing, incomplete, or of another kind."""


class TooFewWindows(LogllmError):
    """A log too short for a model of its windows."""
