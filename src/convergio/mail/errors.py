"""What can go wrong with mail beyond a provider that fails."""

from __future__ import annotations

from convergio.core.errors import AppError, Conflict, InvalidInput


class UncertainDelivery(AppError):
    """The whole message was handed over, and the server's answer never came.

    On purpose not a ProviderError: nothing that retries those may ever pick this up (mail rule 43).
    """

    def __init__(self) -> None:
        super().__init__(
            "delivery_uncertain",
            "The mail server took the message and the connection broke before it confirmed; "
            "look into the Sent folder before you send it again.",
        )


class InvalidMessage(InvalidInput):
    """A message that must not be built as asked: a line break in a header, an address that is none."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_message", message)


class ReplyAlreadyDecided(Conflict):
    """Somebody (or the inbox's auto mode) has approved or rejected the draft meanwhile."""

    def __init__(self, status: str) -> None:
        super().__init__("reply_already_decided", f"This draft is {status} already.", status=status)


class TooLateToUndo(Conflict):
    """The undo window is over."""

    def __init__(self) -> None:
        super().__init__("too_late_to_undo", "The mail has left already and cannot be taken back.")


class NothingToAnswer(Conflict):
    """Everything in the conversation is answered, or nothing in it came in."""

    def __init__(self) -> None:
        super().__init__("nothing_to_answer", "Nothing in this conversation waits for an answer.")


class QuestionChanged(Conflict):
    """Another mail came in, or somebody answered, while the model was writing."""

    def __init__(self) -> None:
        super().__init__(
            "question_changed",
            "The conversation went on while the draft was written; look at it and ask again.",
        )
