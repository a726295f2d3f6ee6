"""What workspaces, their members and invitations refuse."""

from __future__ import annotations

from convergio.core.errors import Conflict, Forbidden, InvalidInput, TooMany


class RankTooLow(Forbidden):
    """An admin may do nothing to the owner or to other admins."""

    def __init__(self) -> None:
        super().__init__("rank_too_low", "Only somebody with a higher role than theirs may do that.")


class OwnerStays(Conflict):
    """The owner keeps role and membership until somebody else owns the workspace."""

    def __init__(self) -> None:
        super().__init__(
            "owner_stays", "The owner transfers the workspace first, then changes role or leaves."
        )


class AlreadyMember(Conflict):
    """Whoever may invite sees the members' addresses anyway, so this tells nothing new."""

    def __init__(self) -> None:
        super().__init__(
            "already_member", "This address belongs to a member of this workspace.", field="email"
        )


class InvalidInvitation(InvalidInput):
    """Used, withdrawn, replaced, expired, or never sent."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_invitation", "This invitation was used, withdrawn or is too old; ask for a new one."
        )


class OtherAddress(Forbidden):
    """The invitation holds for another address than the one signed in; whoever has the link knows that address."""

    def __init__(self, email: str) -> None:
        super().__init__("other_address", f"This invitation is for {email}; sign in with that address.")


class OwnSecondFactorFirst(Forbidden):
    """Nobody locks themselves out by asking others for what they did not do."""

    def __init__(self) -> None:
        super().__init__(
            "second_factor_first",
            "Set up two-step sign-in for yourself and sign in with it; then require it of the others.",
        )


class TooManyWorkspaces(Conflict):
    """One person owns as many workspaces as anybody may."""

    def __init__(self, most: int) -> None:
        super().__init__("too_many_workspaces", f"You own {most} workspaces, more is not possible.")


class TooManyInvitations(TooMany):
    """A day's invitations of a workspace or a person are used up; `retry_after` is when the next one may go."""

    def __init__(self, most: int, retry_after: int) -> None:
        super().__init__(
            f"{most} invitations a day are sent at most; try again later.", retry_after=retry_after
        )
