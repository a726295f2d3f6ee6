"""Mail rules 8 and 11: how long a failing inbox is left alone, and when its owner hears of it."""

from __future__ import annotations

from convergio.core.errors import ProviderError
from convergio.mail.backoff import LONGEST_DELAY, RetrySchedule

NETWORK = ProviderError("retry", "The connection broke.")
LOGIN = ProviderError("auth", "The password was refused.")


def test_rule_8_network_failures_back_off_to_a_ceiling() -> None:
    schedule = RetrySchedule(random_share=lambda: 1.0)

    delays = [schedule.failed(NETWORK) for _ in range(12)]

    assert delays[:4] == [5, 10, 20, 40]
    assert delays[-1] == LONGEST_DELAY
    assert schedule.state == "unreachable"


def test_rule_8_jitter_spreads_inboxes_that_failed_together() -> None:
    shares = iter([0.0, 0.5, 1.0])
    delays = [RetrySchedule(random_share=lambda: next(shares)).failed(NETWORK) for _ in range(3)]

    assert delays == [2.5, 3.75, 5.0]


def test_rule_11_the_second_refused_login_asks_for_a_new_one() -> None:
    schedule = RetrySchedule(random_share=lambda: 1.0)

    seen = [(schedule.failed(LOGIN), schedule.state) for _ in range(2)]

    assert seen == [(60, "unreachable"), (3600, "sign_in_failed")]


def test_rule_11_network_failures_never_ask_for_a_new_login() -> None:
    schedule = RetrySchedule()
    for failure in [NETWORK, LOGIN, NETWORK, LOGIN, NETWORK] * 3:
        schedule.failed(failure)
        assert schedule.state == "unreachable"


def test_success_forgets_the_failures() -> None:
    schedule = RetrySchedule(random_share=lambda: 1.0)
    schedule.failed(LOGIN)
    schedule.failed(LOGIN)
    schedule.succeeded()

    assert schedule.state == "ok"
    assert schedule.failed(NETWORK) == 5


def test_the_server_may_ask_for_a_longer_pause() -> None:
    assert RetrySchedule().failed(ProviderError("retry", "Slow down.", retry_after=900)) == 900
