"""Errors that a user can act on: one sentence that names the place and says what to do."""

from __future__ import annotations


class OneMapError(Exception):
    """Base of every error OneMap raises on purpose; its text is shown to the user as it is."""


class UsageError(OneMapError):
    """The command line or an option is wrong (exit code 2)."""


class InputError(OneMapError):
    """A file, row, field or body is not usable."""


class BodyError(InputError):
    """A request body is not usable; `pointer` is the JSON pointer of the place, `code` for programs."""

    def __init__(self, message: str, pointer: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.code = code


class NotFoundError(OneMapError):
    """A layer, parcel or source that does not exist."""


class AccessError(OneMapError):
    """The caller may not do this; `known` says whether it is clear who they are."""

    def __init__(self, message: str, *, known: bool) -> None:
        super().__init__(message)
        self.known = known


class RuleError(OneMapError):
    """A rule set cannot be used; the text names file and line."""


class ChangedError(OneMapError):
    """Something is no longer as the caller saw it, and is left as it is."""


class StoreError(OneMapError):
    """The database cannot be started, reached or used."""


class BusyError(StoreError):
    """Another import or run holds what this one needs."""
