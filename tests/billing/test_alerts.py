"""Alerts of the balance: each fires once when it is crossed, and again only after a refill."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from convergio.billing.errors import OutOfTokens
from convergio.billing.ledger import credit
from convergio.billing.models import UsageAlert, UsageNotice
from convergio.billing.notices import mail_notice
from convergio.billing.reservations import Purpose, Usage, reserve, settle
from convergio.core.errors import ProviderError
from tests.billing.tokens import give_tokens
from tests.cast import Person, make_person
from tests.jobs import run_jobs


@pytest.fixture
def mails(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "outbox"


def spend(person: Person, tokens: int) -> None:
    settle(reserve(Purpose(person.workspace.id, "copilot", ""), tokens=tokens), Usage("scripted", tokens, 0))


def subjects(person: Person) -> list[str]:
    return list(UsageNotice.objects.filter(user=person.user).order_by("id").values_list("subject", flat=True))


def letters(folder: Path) -> list[Any]:
    files = sorted(folder.glob("*.eml")) if folder.exists() else []
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_everybody_begins_with_an_alert_at_a_fifth_and_one_at_nothing(owner: Person) -> None:
    found = UsageAlert.objects.filter(user=owner.user).values_list("threshold", "unit", "channel", "armed")
    assert sorted(found) == [(0, "tokens", "both", True), (20, "percent", "both", True)]


def test_an_alert_fires_once_and_again_after_a_refill_above_it(owner: Person, mails: Path) -> None:
    give_tokens(owner.user.id, 1_000)  # Free's allowance is as much: a fifth is 200
    spend(owner, 700)
    assert subjects(owner) == []
    spend(owner, 100)
    assert subjects(owner) == ["200 AI tokens are left"]
    spend(owner, 100)
    assert subjects(owner) == ["200 AI tokens are left"]
    give_tokens(owner.user.id, 50)  # not above it
    spend(owner, 10)
    assert len(subjects(owner)) == 1
    give_tokens(owner.user.id, 500)
    spend(owner, 500)
    assert subjects(owner)[1:] == ["140 AI tokens are left"]
    run_jobs()
    assert [letter["Subject"] for letter in letters(mails)] != []
    assert {letter["To"] for letter in letters(mails)} == {"owner@convergio.test"}
    text = letters(mails)[0].get_content()
    assert "fell to 20 % of your plan's monthly allowance" in text
    assert "/dashboard/settings/tokens/usage" in text


def test_several_thresholds_crossed_by_one_call_are_one_notice_of_the_lowest(owner: Person) -> None:
    give_tokens(owner.user.id, 1_000)
    spend(owner, 1_000)
    assert subjects(owner) == ["No AI tokens are left"]
    assert not UsageAlert.objects.filter(armed=True).exists()


def test_a_grant_for_the_next_period_arms_it_again(owner: Person) -> None:
    give_tokens(owner.user.id, 1_000)
    spend(owner, 1_000)
    credit(owner.user.id, "grant", tokens=1_000, cause="period:2")
    assert UsageAlert.objects.filter(armed=True).count() == 2
    spend(owner, 900)
    assert subjects(owner) == ["No AI tokens are left", "100 AI tokens are left"]


def test_a_call_that_does_not_fit_counts_as_nothing_left(owner: Person) -> None:
    give_tokens(owner.user.id, 900)
    for _ in range(2):
        with pytest.raises(OutOfTokens):
            reserve(Purpose(owner.workspace.id, "copilot", ""), tokens=5_000)
    assert subjects(owner) == ["AI has stopped: too few tokens"]
    [notice] = UsageNotice.objects.all()
    assert "up to 5,000 tokens and 900 are free" in notice.text


@pytest.mark.parametrize(
    ("channel", "shown", "mailed"), [("email", False, 1), ("app", True, 0), ("both", True, 1)]
)
def test_a_channel_decides_where_it_is_told(
    owner: Person, mails: Path, channel: str, shown: bool, mailed: int
) -> None:
    UsageAlert.objects.all().delete()
    UsageAlert.objects.create(user=owner.user, threshold=500, unit="tokens", channel=channel)
    give_tokens(owner.user.id, 1_000)
    spend(owner, 500)
    run_jobs()
    assert [notice.in_app for notice in UsageNotice.objects.all()] == [shown]
    assert len(letters(mails)) == mailed


def test_a_mail_that_could_not_be_sent_is_sent_by_the_next_try_and_once(
    owner: Person, settings: Any, mails: Path
) -> None:
    give_tokens(owner.user.id, 1_000)
    spend(owner, 1_000)
    [notice] = UsageNotice.objects.all()
    settings.SYSTEM_SMTP_URL = "smtp://127.0.0.1:9"
    with pytest.raises(ProviderError):
        mail_notice(notice.id)
    settings.SYSTEM_SMTP_URL = ""
    assert mail_notice(notice.id)
    assert not mail_notice(notice.id)
    assert len(letters(mails)) == 1


def test_of_many_processes_that_cross_it_at_once_one_tells(committed: None) -> None:
    person = make_person("owner")
    give_tokens(person.user.id, 400)

    def call(_: int) -> None:
        spend(person, 10)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(40)))
    assert sorted(subjects(person)) == sorted({*subjects(person)})
    assert len(subjects(person)) == 2  # at a fifth, and at nothing
