"""When to try a failing inbox again, and when to ask its owner for a new login (rules 8 and 11)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from convergio.core.errors import ProviderError

InboxState = Literal["ok", "unreachable", "sign_in_failed"]

FIRST_DELAY = 5.0
LONGEST_DELAY = 15 * 60.0
# A wrong password that is tried too often locks the account at several providers.
LOGIN_DELAY = 60.0
LOCKED_OUT_DELAY = 60 * 60.0
REFUSED_LOGINS = 2


@dataclass(slots=True)
class RetrySchedule:
    """The failures of one inbox in a row. `random_share` gives 0..1, to spread what failed together."""

    random_share: Callable[[], float] = random.random
    failures: int = 0
    refused_logins: int = 0
    state: InboxState = "ok"

    def succeeded(self) -> None:
        """The connection works: forget what went wrong before."""
        self.failures = self.refused_logins = 0
        self.state = "ok"

    def failed(self, error: ProviderError) -> float:
        """Note a failure; seconds until the next attempt, between half of the plain delay and all of it."""
        self.failures += 1
        self.refused_logins = self.refused_logins + 1 if error.kind == "auth" else 0
        if error.kind == "auth":
            return self._after_refused_login()
        self.state = "unreachable"
        delay = LONGEST_DELAY if error.kind == "permanent" else self._exponential()
        return max(self._spread(delay), error.retry_after or 0.0)

    def _after_refused_login(self) -> float:
        # One refusal may be the server's own trouble; the second is said to a person.
        if self.refused_logins < REFUSED_LOGINS:
            self.state = "unreachable"
            return self._spread(LOGIN_DELAY)
        self.state = "sign_in_failed"
        return self._spread(LOCKED_OUT_DELAY)

    def _exponential(self) -> float:
        return min(FIRST_DELAY * 2.0 ** min(self.failures - 1, 16), LONGEST_DELAY)

    def _spread(self, delay: float) -> float:
        return delay * (0.5 + self.random_share() / 2)
