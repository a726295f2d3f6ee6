"""Counting tries per account and per address, exactly, over any number of web processes.

A try is counted before its password is looked at, in one conditional upsert, so that a hundred tries at once are still
counted one by one; a success takes its own count back. The first five failures cost nothing, then the wait doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from convergio.core import sql
from convergio.core.crypto import keyed_digest
from convergio.core.errors import AppError, Limit, TooMany

FREE = 5
FIRST_WAIT = 5  # seconds, doubling with each further failure
FORGET_AFTER = 15 * 60  # seconds
# Six digits are soon guessed by who knows the password and waits a quarter of an hour after every fifth try.
_FORGET_LATER = {"code": 24 * 3600}
# Somebody else's failures may hold an account longer than an office that shares one address.
_LONGEST_ACCOUNT, _LONGEST_ADDRESS = 900, 60

_FORGOTTEN = (
    "greatest(t.updated_at, t.blocked_until) < statement_timestamp() - make_interval(secs => %(forget)s)"
)
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
RETURNING failures, ceil(extract(epoch FROM blocked_until - statement_timestamp()))::int
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
    limit: Limit  # if it fails
    forgiven: Limit  # if it succeeds


def count_try(what: str, *, email: str | None, ip: str | None, own: str = "") -> Try:
    """Count a try of `what` ("login", "code", "reset"). Raises TooMany while the address or the account has to wait.

    The address comes first: tries from a blocked one never reach the account's counter, so they cannot lock it.
    `own` names what only the account's owner can have ("device:12", "session:34"): it is counted by itself instead,
    so that strangers' tries, however many, do not keep the owner out.
    """
    forget = _FORGET_LATER.get(what, FORGET_AFTER)
    full = Limit(FREE + 1, FREE + 1, forget)
    if own:
        key = f"{what}:{own}"
        return Try(key, None, _count(key, longest=_LONGEST_ACCOUNT, forget=forget), full)
    address, account = ip and _address_key(what, ip), email and _account_key(what, email)
    of_address = _count(address, longest=_LONGEST_ADDRESS, forget=forget) if address else full
    of_account = _count(account, longest=_LONGEST_ACCOUNT, forget=forget) if account else full
    after = Limit(full.most, min(of_address.left + 1, full.most), of_address.reset)
    return Try(account, address, min(of_address, of_account, key=lambda limit: limit.left), after)


def _count(key: str, *, longest: int, forget: int) -> Limit:
    counted = sql.fetch_rows(_COUNT, {"key": key, "longest": longest, "forget": forget})
    if counted:
        failures, wait = counted[0]
        return Limit(FREE + 1, max(FREE + 1 - failures, 0), max(wait or forget, 1))
    wait = max(int(sql.fetch_value(_WAIT, [key]) or 1), 1)
    refusal = TooMany(f"Too many tries. Wait {wait} seconds, then try again.", retry_after=wait)
    refusal.limit = Limit(FREE + 1, 0, wait)
    raise refusal


@contextmanager
def telling(attempt: Try) -> Iterator[None]:
    """Refusals inside say how many tries are left."""
    try:
        yield
    except AppError as error:
        if error.limit is None:
            error.limit = attempt.limit
        raise


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
