"""Tokens to spend."""

from __future__ import annotations

from itertools import count

from convergio.billing.ledger import credit

_numbers = count(1_000_000)


def give_tokens(user_id: int, tokens: int = 1_000_000) -> None:
    """As if they had been bought."""
    credit(user_id, "purchase", tokens=tokens, cause=f"token_purchases:{next(_numbers)}")
