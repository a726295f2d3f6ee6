"""Reading the knowledge base, and finding the passages that fit a mail.

Row-level security keeps every query inside the current workspace.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.ai.interface import Passage
from convergio.core import sql
from convergio.core.errors import NotFound


class Document(msgspec.Struct, frozen=True):
    """A document as lists and forms show it. `inbox_tag` is None for one that all inboxes share."""

    id: int
    title: str
    body: str
    inbox_id: int | None
    inbox_tag: str | None
    inbox_colour: str | None
    is_active: bool
    passages: int
    created_at: datetime
    updated_at: datetime


class InboxChoice(msgspec.Struct, frozen=True):
    """An inbox that a document can belong to."""

    id: int
    tag: str
    email_address: str


_DOCUMENTS = """
SELECT d.id, d.title, d.body, d.inbox_id, i.tag, i.colour, d.is_active,
       (SELECT count(*) FROM knowledge_passages p WHERE p.document_id = d.id), d.created_at, d.updated_at
FROM knowledge_documents d LEFT JOIN inboxes i ON i.id = d.inbox_id
"""


def list_documents(*, limit: int = 50, offset: int = 0) -> list[Document]:
    """Documents by title."""
    return sql.fetch_all(
        Document, f"{_DOCUMENTS} ORDER BY lower(d.title), d.id LIMIT %s OFFSET %s", [limit, offset]
    )


def count_documents() -> int:
    """How many documents the workspace has."""
    return int(sql.fetch_value("SELECT count(*) FROM knowledge_documents"))


def get_document(document_id: int) -> Document:
    """One document. Raises NotFound."""
    found = sql.fetch_one(Document, f"{_DOCUMENTS} WHERE d.id = %s", [document_id])
    if found is None:
        raise NotFound("document")
    return found


def list_inbox_choices() -> list[InboxChoice]:
    """The workspace's inboxes, oldest first."""
    return sql.fetch_all(InboxChoice, "SELECT id, tag, email_address FROM inboxes ORDER BY id")


def has_inbox(inbox_id: int) -> bool:
    """Tell whether the inbox is one of this workspace's."""
    return bool(sql.fetch_value("SELECT EXISTS (SELECT 1 FROM inboxes WHERE id = %s)", [inbox_id]))


# What letters say without asking anything, as PostgreSQL's English lexemes; its own stop words are gone already.
COURTESIES = (
    "appreci best cheer dear forward greet hello help hey hi hope kind let lot love mani morn much pleas question "
    "regard sincer sir soon team thank warm wish wonder write"
)
# Trigrams shared by two words, 0 to 1: "refnd" and "refund" have 0.44, "kapor" and "kapoor" 0.63.
LEAST_LIKENESS = 0.42
# A word in the heading says more about a passage than the same word in its text.
HEADING = 1.5
# Words that a passage must share with a mail for each doubling of the words of the mail (unknown ones count half).
EVIDENCE = 0.7

# One pass over the words of the passages in reach (their stored tsvectors), used twice: to know how telling each word
# is (the rarer, the more), and to find the word that a misspelt one was meant to be. A passage must show evidence that
# grows with the length of the mail: a long one shares a word with everything.
_FIND = """
WITH asked AS MATERIALIZED (
  SELECT lexeme FROM unnest(to_tsvector('english', left(%(text)s, 20000))) WHERE lexeme <> ALL (%(courtesies)s)
),
reach AS MATERIALIZED (
  SELECT passage.id, passage.search_vector
  FROM knowledge_passages AS passage
  JOIN knowledge_documents AS document ON document.id = passage.document_id
  WHERE document.is_active AND (document.inbox_id IS NULL OR document.inbox_id = %(inbox)s)
),
total AS (SELECT count(*)::float8 AS passages FROM reach),
posting AS MATERIALIZED (
  SELECT reach.id, word.lexeme, 'A' = ANY (word.weights) AS in_heading
  FROM reach CROSS JOIN LATERAL unnest(reach.search_vector) AS word
),
known AS MATERIALIZED (SELECT lexeme, count(*) AS passages FROM posting GROUP BY lexeme),
term AS MATERIALIZED (
  SELECT asked.lexeme AS asked, found.lexeme, found.likeness,
         ln(1 + (total.passages - found.passages + 0.5) / (found.passages + 0.5)) AS weight
  FROM asked CROSS JOIN total CROSS JOIN LATERAL (
    SELECT lexeme, passages, 1::float8 AS likeness FROM known WHERE known.lexeme = asked.lexeme
    UNION ALL
    (SELECT lexeme, passages, similarity(known.lexeme, asked.lexeme)::float8
     FROM known
     WHERE length(asked.lexeme) >= 4 AND similarity(known.lexeme, asked.lexeme) >= %(likeness)s
       AND NOT EXISTS (SELECT FROM known AS exact WHERE exact.lexeme = asked.lexeme)
     ORDER BY 3 DESC, 1 LIMIT 1)
  ) AS found
),
possible AS (
  SELECT count(*) + unknown.words / 2.0 AS words,
         %(heading)s * (sum(weight) + unknown.words * max(weight)) AS weight
  FROM term CROSS JOIN (
    SELECT count(*) AS words FROM asked WHERE lexeme NOT IN (SELECT asked FROM term)
  ) AS unknown
  GROUP BY unknown.words
),
hit AS (
  SELECT posting.id, sum(term.weight * term.likeness * place.factor) AS weight,
         sum(term.likeness * place.factor) AS evidence
  FROM posting JOIN term USING (lexeme)
  CROSS JOIN LATERAL (SELECT CASE WHEN posting.in_heading THEN %(heading)s ELSE 1 END AS factor) AS place
  GROUP BY posting.id
)
SELECT passage.id, passage.document_id, document.title, passage.heading, passage.text,
       least(hit.weight / possible.weight, 1)::float8
FROM hit
CROSS JOIN possible
JOIN knowledge_passages AS passage USING (id)
JOIN knowledge_documents AS document ON document.id = passage.document_id
WHERE hit.evidence >= %(evidence)s * log(2, possible.words)
ORDER BY hit.weight DESC, passage.id
LIMIT %(most)s
"""


def find_passages(*, text: str, inbox_id: int | None, most: int = 8) -> list[Passage]:
    """Return the passages that fit a mail's words, best first; none when nothing fits.

    Looks through the active documents of this inbox and those that all inboxes share, in the current workspace.
    Words are compared by PostgreSQL's parser: a language without spaces is found by whole runs of its characters only.
    """
    return sql.fetch_all(
        Passage,
        _FIND,
        {
            "text": text.replace("\x00", " "),
            "inbox": inbox_id,
            "courtesies": COURTESIES.split(),
            "likeness": LEAST_LIKENESS,
            "heading": HEADING,
            "evidence": EVIDENCE,
            "most": most,
        },
    )
