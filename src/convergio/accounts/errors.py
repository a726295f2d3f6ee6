"""What accounts refuse, in one sentence each."""

from __future__ import annotations

from convergio.core.errors import AppError, Conflict, Forbidden, InvalidInput, NotSignedIn, ProviderError


class InvalidField(InvalidInput):
    """One field cannot be used; the fact `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"invalid_{field}", message, field=field)
        self.field = field


class EmailTaken(Conflict):
    """Registration is the one place that tells whether an address has an account."""

    def __init__(self) -> None:
        super().__init__(
            "email_taken", "This address has an account already; sign in instead.", field="email"
        )


class SignUpClosed(Forbidden):
    """CONVERGIO_SIGNUP does not allow this registration."""

    def __init__(self, message: str) -> None:
        super().__init__("signup_closed", message)


class WrongCredentials(NotSignedIn):
    """Said alike of an unknown address, a wrong password and a closed account."""

    def __init__(self) -> None:
        super().__init__("This email and password do not belong together.", code="invalid_credentials")


class WrongPassword(InvalidInput):
    """The current password, asked for again, is wrong."""

    def __init__(self) -> None:
        super().__init__("wrong_password", "The current password is wrong.", field="current_password")


class InvalidRefreshToken(NotSignedIn):
    """Unknown, expired or used before."""

    def __init__(self) -> None:
        super().__init__(
            "This refresh token does not work any more; sign in again.", code="invalid_refresh_token"
        )


class InvalidLink(InvalidInput):
    """A mailed link that was used, is too old or was never sent."""

    def __init__(self) -> None:
        super().__init__("invalid_link", "This link was used or is too old; ask for a new one.")


class NotAllowed(Forbidden):
    """The actor's role does not reach."""

    def __init__(self, permission: str, least: str) -> None:
        message = f"Your role does not allow this; it takes {least} rights in this workspace."
        super().__init__("not_allowed", message, permission=permission)


class ScopeRequired(Forbidden):
    """The API key was not made for this; the fact `scope` names what it would take."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            "scope_required",
            f"This API key may not do this; it takes a key with the scope {scope}.",
            scope=scope,
        )


class FreshSignInRequired(Forbidden):
    """Something sensitive, asked for too long after the person last proved who they are."""

    def __init__(self) -> None:
        super().__init__(
            "fresh_sign_in_required", "Confirm that it is you: your last sign-in is more than 10 minutes old."
        )


class SecondFactorRequired(Forbidden):
    """The workspace asks for two-step sign-in, and this session came without."""

    def __init__(self) -> None:
        super().__init__(
            "two_factor_setup_required",
            "This workspace requires two-step sign-in; set it up under Settings, Sign-in.",
        )


class PersonRequired(Forbidden):
    """An API key may not change how one signs in."""

    def __init__(self) -> None:
        super().__init__("session_required", "An API key cannot do this; sign in with your password.")


class PasskeysUnavailable(Conflict):
    """Browsers would refuse passkeys at this installation's address; the sentence says why."""

    def __init__(self, message: str) -> None:
        super().__init__("passkeys_unavailable", message)


class TooManyPasskeys(Conflict):
    """The account has as many as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_passkeys", f"You have {most} passkeys; remove one that you do not use any more."
        )


class PasskeyKnown(Conflict):
    """This very passkey is registered already."""

    def __init__(self) -> None:
        super().__init__("passkey_known", "This passkey is registered already; use another device.")


class StalePasskeyRequest(InvalidInput):
    """The challenge was answered before, is too old, or was made for somebody else."""

    def __init__(self) -> None:
        super().__init__("stale_passkey_request", "This took too long or was answered already; start again.")


class PasskeyRefused(InvalidInput):
    """An answer of somebody signed in that does not fit its challenge, this site or their passkeys."""

    def __init__(self) -> None:
        super().__init__("invalid_passkey", "This passkey was not accepted; try again.")


class InvalidPasskey(NotSignedIn):
    """Said alike of unknown passkeys, wrong answers and closed accounts."""

    def __init__(self) -> None:
        super().__init__(
            "This passkey was not accepted; try again, or sign in with your password.", code="invalid_passkey"
        )


class LastWayIn(Conflict):
    """Without it nobody could enter the account any more."""

    def __init__(self) -> None:
        super().__init__(
            "last_way_in", "This is the only way into your account; add a passkey or set a password first."
        )


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
