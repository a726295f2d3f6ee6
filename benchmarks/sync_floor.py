"""The least work of a first sync: prints messages a second. Arguments: host, port, user, password."""

from __future__ import annotations

import imaplib
import os
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes

import psycopg

BATCH = 100
_TABLE = """
DROP TABLE IF EXISTS floor;
CREATE TABLE floor (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text, sender text, recipient text, subject text, date text, body text, raw bytea
)
"""
_INSERT = """
INSERT INTO floor (message_id, sender, recipient, subject, date, body, raw) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def measure(host: str, port: int, user: str, password: str) -> float:
    """Messages a second from sign-in to the last commit."""
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"]) as connection:
        connection.execute(_TABLE)
        connection.commit()
        began = time.perf_counter()
        client = imaplib.IMAP4(host, port)
        client.login(user, password)
        client.select("INBOX", readonly=True)
        uids = client.uid("SEARCH", "ALL")[1][0].split()
        for start in range(0, len(uids), BATCH):
            rows = [_row(raw) for raw in _fetch(client, uids[start : start + BATCH])]
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, rows)
            connection.commit()
        seconds = time.perf_counter() - began
        client.logout()
    return len(uids) / seconds


def _fetch(client: imaplib.IMAP4, uids: list[bytes]) -> Iterator[bytes]:
    _, answers = client.uid("FETCH", b",".join(uids).decode(), "(BODY.PEEK[] FLAGS INTERNALDATE)")
    for answer in answers:
        if isinstance(answer, tuple):
            yield answer[1]


def _row(raw: bytes) -> list[object]:
    parsed = message_from_bytes(raw)
    part = next(one for one in parsed.walk() if not one.is_multipart())
    body = part.get_payload(decode=True)
    names = ("message-id", "from", "to", "subject", "date")
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
    return [*(str(parsed[name]) for name in names), text.replace("\0", ""), raw]


if __name__ == "__main__":
    print(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
