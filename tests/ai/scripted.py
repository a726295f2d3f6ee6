"""A model that answers what a test tells it to, for the path where drafts may be sent without a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from convergio.ai.interface import Citation, Draft, DraftRequest
from convergio.core.errors import ProviderError


@dataclass
class ScriptedModel:
    """Says `text` and cites the first passage; keeps what it was asked. `failure` is raised instead.

    `meanwhile` happens while it thinks. It says that it takes `most` tokens and takes `takes` (in, out).
    """

    text: str = "Yes, we do."
    may_send: bool = True
    failure: ProviderError | None = None
    meanwhile: Callable[[DraftRequest], None] | None = None
    most: int = 150
    takes: tuple[int, int] = (120, 30)
    asked: list[DraftRequest] = field(default_factory=list)
    name: str = "scripted"
    label: str = "Scripted for tests"

    def most_tokens(self, request: DraftRequest) -> int:  # noqa: ARG002 - the protocol's signature
        """As told."""
        return self.most

    def draft_reply(self, request: DraftRequest) -> Draft:
        """Answer as told."""
        self.asked.append(request)
        text = self.text
        if self.failure:
            raise self.failure
        if self.meanwhile:
            self.meanwhile(request)
        return Draft(
            text=text,
            citations=[
                Citation(
                    document_id=passage.document_id,
                    title=passage.title,
                    heading=passage.section,
                    quote=passage.text,
                    score=passage.score,
                )
                for passage in request.passages[:1]
            ],
            model=self.name,
            input_tokens=self.takes[0],
            output_tokens=self.takes[1],
            confidence=0.9,
            may_send=self.may_send,
        )
