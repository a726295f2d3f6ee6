"""Errors that a person is told about. Domains subclass AppError; site/errors.py maps a class to a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """How many of so many tries are left without waiting, and in how many seconds the count starts anew."""

    most: int
    left: int
    reset: int


class AppError(Exception):
    """A refusal in one sentence, with a stable code and facts for the client."""

    limit: Limit | None = None  # of a refused try that was counted

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts


class InvalidInput(AppError):
    """What was sent cannot be used; nothing was changed."""


class NotFound(AppError):
    """There is no such object in the actor's workspace (also said of other workspaces' objects)."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", f"There is no such {what}.")


class Conflict(AppError):
    """The object is in a state that does not allow this, or it exists already."""


class NotSignedIn(AppError):
    """No valid session or key came with the request."""

    def __init__(self, message: str = "Sign in first.", code: str = "not_signed_in") -> None:
        super().__init__(code, message)


class Forbidden(AppError):
    """The actor is known, and may not do this."""


class OverQuota(AppError):
    """The plan's tokens or monthly quota are used up."""


class TooMany(AppError):
    """A limit was reached; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int, code: str = "too_many_requests") -> None:
        super().__init__(code, message, retry_after=retry_after)
        self.retry_after = retry_after


class TooLarge(AppError):
    """The content is larger than the limit that the message names."""


class ProviderError(AppError):
    """An outside service refused or failed. `kind` decides what the job does next."""

    def __init__(
        self, kind: Literal["retry", "permanent", "auth"], message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"provider_{kind}", message)
        self.kind = kind
        self.retry_after = retry_after
