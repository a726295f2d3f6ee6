"""Counting tries per account and per address, exactly, over any number of web processes.

A try is counted before its password is looked at, in one conditional upsert, so that a hundred tries at once are still
counted one by one; a success takes its own count back. The first five failures cost nothing, then the wait doubles.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from convergio.core import sql
from convergio.core.crypto import keyed_digest
from convergio.core.errors import TooMany

FREE = 5
FIRST_WAIT = 5  # seconds, doubling with each further failure
FORGET_AFTER = "15 minutes"

_FORGOTTEN = f"greatest(t.updated_at, t.blocked_until) < statement_timestamp() - interval '{FORGET_AFTER}'"
_COUNT = f"""
INSERT INTO login_throttles AS t (key, failures, updated_at) VALUES (%(key)s, 1, statement_timestamp())
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN {_FORGOTTEN} THEN 1 ELSE t.failures + 1 END,
    blocked_until = CASE WHEN t.failures >= {FREE} AND NOT {_FORGOTTEN}
        THEN statement_timestamp() + make_interval(
            secs => least({FIRST_WAIT} * 2 ^ least(t.failures - {FREE}, 20), %(longest)s))
        END,
    updated_at = statement_timestamp()
WHERE t.blocked_until IS NULL OR t.blocked_until <= statement_timestamp()
"""
_WAIT = """
SELECT ceil(extract(epoch FROM blocked_until - statement_timestamp()))::int FROM login_throttles WHERE key = %s
"""
_FORGIVE = """
UPDATE login_throttles SET failures = failures - 1, blocked_until = NULL WHERE key = %s AND failures > 0
"""
_CLEAR = "DELETE FROM login_throttles WHERE key = %s"
_SWEEP = "DELETE FROM login_throttles WHERE updated_at < statement_timestamp() - interval '1 day'"


@dataclass(frozen=True, slots=True)
class Try:
    """One counted try: the account it aims at and the address it comes from (None where one does not matter)."""

    account: str | None
    address: str | None


def count_try(what: str, *, email: str | None, ip: str | None) -> Try:
    """Count a try of `what` ("login", "reset"). Raises TooMany while the address or the account has to wait.

    The address comes first: tries from a blocked one never reach the account's counter, so they cannot lock it.
    """
    attempt = Try(account=email and _account_key(what, email), address=ip and _address_key(what, ip))
    # Somebody else's failures may hold an account longer than an office that shares one address.
    _count(attempt.address, longest=60)
    _count(attempt.account, longest=900)
    return attempt


def _count(key: str | None, *, longest: int) -> None:
    if key is None or sql.execute(_COUNT, {"key": key, "longest": longest}):
        return
    wait = max(int(sql.fetch_value(_WAIT, [key]) or 1), 1)
    raise TooMany(f"Too many tries. Wait {wait} seconds, then try again.", retry_after=wait)


def forgive(attempt: Try) -> None:
    """A try that succeeded: the account starts anew, the address gets this one try back."""
    if attempt.account:
        sql.execute(_CLEAR, [attempt.account])
    if attempt.address:
        sql.execute(_FORGIVE, [attempt.address])


def sweep() -> None:
    """Remove counters that nothing was added to for a day."""
    sql.execute(_SWEEP)


def _account_key(what: str, email: str) -> str:
    return f"{what}:account:{keyed_digest(email, purpose='throttle').hex()}"


def _address_key(what: str, ip: str) -> str:
    """An IPv6 customer has a whole /64; it counts as one."""
    address = ip_address(ip)
    return f"{what}:address:{ip_network((address, 64), strict=False) if address.version == 6 else address}"
