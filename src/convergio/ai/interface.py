"""What a model is asked for and what it answers, in our words; providers translate.

Mail is data: question, subject, names and history come from strangers. A provider hands them over as quoted material
and never as instructions, and what it answers is plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from convergio.ai.passages import PATH_SEPARATOR


class Passage(msgspec.Struct, frozen=True):
    """A piece of the knowledge base that fits a question. `score` is 0 to 1, comparable within one answer only."""

    id: int
    document_id: int
    title: str
    heading: str
    text: str
    score: float

    @property
    def section(self) -> str:
        """The headings above the passage without the document's title; empty at its top."""
        return self.heading.removeprefix(self.title).removeprefix(PATH_SEPARATOR)


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """One message of the conversation so far, oldest first; `text` without what it quotes."""

    sender: str
    sent_at: datetime
    text: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """A mail to answer, and what may be said. `question` is its plain text without quotes and signature."""

    question: str
    subject: str
    sender_name: str
    inbox_name: str
    signature: str
    passages: Sequence[Passage]
    history: Sequence[EarlierMessage] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """What a statement rests on; `quote` stands in the document word for word."""

    document_id: int
    title: str
    heading: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed reply in plain text.

    Cached tokens are part of the input. `cost` is in paise; metering works it out. `confidence` is 0 to 1, None where
    no model judged. `handover_reason` says in a sentence what a person should look at. Only a draft with `may_send` may
    leave without a person, from an inbox in auto mode.
    """

    text: str
    citations: Sequence[Citation]
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: int = 0
    confidence: float | None = None
    handover_reason: str = ""
    may_send: bool = False


class Model(Protocol):
    """Writes replies."""

    @property
    def name(self) -> str:
        """What is stored with a draft and shown on it."""

    @property
    def label(self) -> str:
        """How a person is told who wrote: a model's name, or that there was none."""

    def most_tokens(self, request: DraftRequest) -> int:
        """The most that answering can take, in and out; 0 where it takes none and is not metered."""

    def draft_reply(self, request: DraftRequest) -> Draft:
        """Answer one mail, within billing's HOLD. Raises ProviderError(kind=retry|permanent|auth)."""


# English has about four characters a token, figures and addresses two; other scripts have up to two tokens a character.
_ASCII_PER_TOKEN, _TOKENS_PER_OTHER = 2, 2


def estimate_tokens(*texts: str) -> int:
    """How many tokens the texts have, guessed on the high side."""
    plain = sum(sum(char.isascii() for char in text) for text in texts)
    others = sum(map(len, texts)) - plain
    return -(-plain // _ASCII_PER_TOKEN) + others * _TOKENS_PER_OTHER


def estimate_request(request: DraftRequest) -> int:
    """The same for all that a request says; a provider adds its instructions and its limit of the answer."""
    return estimate_tokens(
        request.question,
        request.subject,
        request.sender_name,
        request.inbox_name,
        request.signature,
        *(passage.heading + passage.text for passage in request.passages),
        *(message.sender + message.text for message in request.history),
    )
