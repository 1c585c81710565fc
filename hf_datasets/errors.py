"""Errors of this package. Every message says what must be, what was found, and what to do."""

from __future__ import annotations


class LogInputError(ValueError):
    """The input cannot be used as given: a file, a folder, a label file, a format, or a setting."""


class UnknownSystemError(LogInputError):
    """A system name that no row has; the message offers the nearest names."""
