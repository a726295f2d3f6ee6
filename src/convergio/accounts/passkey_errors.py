"""What is refused about passkeys, in one sentence each."""

from __future__ import annotations

from convergio.core.errors import Conflict, InvalidInput, NotSignedIn


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
