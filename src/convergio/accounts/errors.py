"""What accounts refuse, in one sentence each."""

from __future__ import annotations

from convergio.core.errors import Conflict, Forbidden, InvalidInput, NotSignedIn


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
