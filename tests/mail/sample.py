"""Small raw messages for the transport tests."""

from __future__ import annotations


def raw_message(number: int | str, *, body: str = "Hello.", size: int = 0) -> bytes:
    """A message with the id `<number@client.example>`; `size` pads the body to about that many bytes."""
    padding = ("x" * 70 + "\r\n") * (size // 72)
    return (
        f"From: Client <client@client.example>\r\nTo: support@mail.test\r\n"
        f"Subject: Question {number}\r\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@client.example>\r\n\r\n{body}\r\n{padding}"
    ).encode()
