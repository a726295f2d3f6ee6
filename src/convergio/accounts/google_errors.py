"""What is refused about Google sign-in, in one sentence each."""

from __future__ import annotations

from convergio.core.errors import AppError, Conflict, Forbidden, InvalidInput, NotSignedIn, ProviderError


class StaleTrip(InvalidInput):
    """A return from Google that this browser did not begin, or that came twice, too late or after signing out."""

    def __init__(self) -> None:
        super().__init__(
            "stale_google_answer", "This Google sign-in took too long or was used already; start again."
        )


class TripRefused(InvalidInput):
    """A return from Google from which nobody can be told."""


class TripDenied(Forbidden):
    """The person did not want to, at Google."""


def refused_trip(reason: str, message: str) -> AppError:
    """The error for what went wrong at the provider: the person's choice, the provider's fault, or a wrong answer."""
    code = f"google_{reason}"
    if reason == "denied":
        return TripDenied(code, message)
    if reason in {"invalid_token", "provider_error"}:
        return ProviderError("permanent", message)
    return TripRefused(code, message)


class EmailUnverified(Forbidden):
    """Google does not say that the address belongs to the person."""

    def __init__(self) -> None:
        super().__init__(
            "email_unverified", "Google has not verified this account’s address, so it cannot be used here."
        )


class EmailHasAccount(Conflict):
    """An account has this address and is not linked; `user_id` is whose, for the login history."""

    def __init__(self, user_id: int | None) -> None:
        super().__init__(
            "email_has_account",
            "This address has an account already: sign in as usual, then link Google under Settings, Sign-in.",
        )
        self.user_id = user_id


class GoogleLinkedElsewhere(Conflict):
    """One Google account links to one account, and the other way round."""

    def __init__(self) -> None:
        super().__init__(
            "google_linked_already", "This Google account, or yours here, is linked already; unlink it first."
        )


class GoogleNotAccepted(NotSignedIn):
    """The linked account is closed, or a member of no workspace."""

    def __init__(self) -> None:
        super().__init__("This Google account cannot sign in here.", code="google_not_accepted")
