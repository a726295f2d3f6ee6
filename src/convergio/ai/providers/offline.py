"""Replies without a model: a greeting, passages of the knowledge base word for word, and what a person should check.

Nothing of the mail but the sender's plausible name gets into the reply, so a mail cannot steer it. It never sends by
itself, because nobody judged whether the passages answer the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from convergio.ai.interface import Citation, Draft, DraftRequest, Passage
from convergio.ai.names import greeting_name

MOST_QUOTES = 3
MOST_FIGURES = 6
# A passage far weaker than the best one is more likely beside the point than helpful.
LEAST_SHARE = 0.55

# What goes out of date or binds us: money, percentages, times and dates.
_figure = re.compile(
    r"(?:₹|€|\$|£|Rs\.?|INR)\s?\d[\d,.]*\d|(?:₹|€|\$|£)\s?\d|\b\d[\d,.]*\s?%"
    r"|\b\d+(?: to \d+)? (?:working )?(?:hours?|days?|weeks?|months?|years?)\b|\b\d{1,2}[:.]\d{2}\b"
)


class OfflineModel:
    """Quotes; writes nothing of its own about the question."""

    name = "offline"
    label = "No model: quoted passages only"

    def most_tokens(self, request: DraftRequest) -> int:  # noqa: ARG002 - the protocol's signature
        """None."""
        return 0

    def draft_reply(self, request: DraftRequest) -> Draft:
        """Return at most MOST_QUOTES passages with their titles, or a holding reply where nothing fits."""
        quotes = _choose(request.passages)
        body = _quoting(quotes) if quotes else [_HOLDING]
        return Draft(
            text="\n\n".join([_greeting(request.sender_name), *body, _closing(request)]),
            citations=[
                Citation(
                    document_id=quote.document_id,
                    title=quote.title,
                    heading=quote.section,
                    quote=quote.text,
                    score=quote.score,
                )
                for quote in quotes
            ],
            model=self.name,
            handover_reason=_to_check(quotes),
        )


_HOLDING = (
    "Thank you for writing to us. We want to give you a correct answer, so one of us is looking into it and will "
    "write to you again."
)


def _choose(passages: Sequence[Passage]) -> list[Passage]:
    ranked = sorted(passages, key=lambda passage: -passage.score)
    return [passage for passage in ranked if passage.score >= LEAST_SHARE * ranked[0].score][:MOST_QUOTES]


def _greeting(sender_name: str) -> str:
    name = greeting_name(sender_name)
    return f"Hello {name}," if name else "Hello,"


def _quoting(quotes: list[Passage]) -> list[str]:
    """Title, then the passage unchanged, so that it can be found in its document."""
    parts = ["Thank you for writing to us. This is what we can tell you:"]
    for quote in quotes:
        parts += [f"{quote.heading}:", quote.text]
    return [*parts, "If that leaves something open, just reply to this mail."]


def _closing(request: DraftRequest) -> str:
    return request.signature.strip() or f"Kind regards\n{request.inbox_name}"


def _to_check(quotes: list[Passage]) -> str:
    if not quotes:
        return (
            "No model wrote this, and nothing in the knowledge base fits the mail. "
            "Answer it yourself, or add a document that does."
        )
    what = "this passage answers" if len(quotes) == 1 else f"these {len(quotes)} passages answer"
    sentence = f"No model wrote this. Check that {what} what was asked, and take out what does not"
    figures = _figures(quotes)
    return f"{sentence}. Still true? {', '.join(figures)}." if figures else f"{sentence}."


def _figures(quotes: list[Passage]) -> list[str]:
    found = (match.group() for quote in quotes for match in _figure.finditer(quote.text))
    return list(dict.fromkeys(found))[:MOST_FIGURES]
