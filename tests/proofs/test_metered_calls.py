"""Proof of the token ledger: however many processes call a model at once, and however they die, the sums agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from convergio.billing import checks, reservations
from convergio.billing.models import AiStop, TokenBalance, TokenUsage, UsageCounter
from convergio.core import clock
from tests.billing.tokens import give_tokens
from tests.cast import Person, make_person
from tests.proofs.calling import CALLS, MOST, PROCESSES
from tests.proofs.report import report

pytestmark = pytest.mark.proof

FIT = 37
ROUNDS = 20
# A server takes a hundred connections, and a killed process leaves its own for a moment.
THREADS = 8
KILL_EVERY = 0.2


def call_all(people: list[Person], database_url: str, folder: Path, *arguments: str) -> list[dict[str, int]]:
    """What became of the calls of each person's workspace."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "convergio.settings",
        "CONVERGIO_DATA_DIR": str(folder),
        "CONVERGIO_LOG_LEVEL": "error",  # the test's model has no price
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.proofs.calling",
            *(str(person.workspace.id) for person in people),
            *arguments,
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def payer(number: int) -> Person:
    person = make_person(f"payer{number}")
    give_tokens(person.user.id, FIT * MOST)
    return person


def calls_charged(person: Person) -> int:
    """How many, after making sure that balance, usage and quota say the same."""
    usage = TokenUsage.objects.filter(user=person.user)
    balance = TokenBalance.objects.get(user=person.user)
    assert {row.charged_tokens for row in usage} <= {MOST}
    assert balance.tokens == (FIT - usage.count()) * MOST
    assert balance.reserved == 0
    assert UsageCounter.objects.get(user=person.user).ai_replies == usage.count()
    return usage.count()


def test_proof_1_of_200_calls_at_once_as_many_are_made_as_the_balance_holds(
    committed: None, database_urls: tuple[str, str], tmp_path: Path
) -> None:
    person = payer(0)
    [count] = call_all([person], database_urls[1], tmp_path, "--threads", str(THREADS))
    assert (count["answered"], count["refused"], count["cut off"]) == (FIT, CALLS - FIT, 0)
    assert calls_charged(person) == FIT
    assert sum(stop.times for stop in AiStop.objects.all()) == CALLS - FIT
    assert list(checks.broken()) == []
    report(
        "200 calls of a model at once on a balance for 37",
        [
            f"- {CALLS} calls of {MOST} tokens from {PROCESSES} processes, {PROCESSES * THREADS} at a time,",
            f"  on a balance of {FIT * MOST:,}",
            f"- answered {count['answered']}, refused with OutOfTokens (402 over HTTP) {count['refused']}",
            f"- charged {FIT * MOST:,} tokens, balance 0, held 0, AI replies counted {FIT}",
            f"- {len(checks.invariants())} invariants hold",
        ],
    )


def test_proof_1_whatever_is_killed_nothing_stays_held_and_the_sums_agree(
    committed: None, database_urls: tuple[str, str], tmp_path: Path
) -> None:
    people = [payer(number) for number in range(ROUNDS)]
    counts = call_all(people, database_urls[1], tmp_path, "--kill-every", str(KILL_EVERY))
    held = sum(balance.reserved for balance in TokenBalance.objects.all())
    with time_machine.travel(clock.now() + reservations.HOLD + timedelta(seconds=1), tick=False):
        freed = reservations.release_expired()
    assert list(checks.broken()) == []
    charged = [calls_charged(person) for person in people]
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    for count, calls in zip(counts, charged, strict=True):
        # One that was killed may have been charged already, and not have said so.
        assert count["answered"] <= calls <= min(FIT, count["answered"] + count["cut off"])
        assert sum(count[name] for name in ("answered", "refused", "cut off")) == CALLS
    assert freed * MOST == held
    assert total["kills"] >= ROUNDS
    assert freed > 0
    report(
        "The same calls with kill -9 of a random process every 200 ms",
        [
            f"- {ROUNDS} balances for {FIT} calls each, {CALLS} calls on each; {total['kills']} processes killed",
            f"- answered {total['answered']:,}, refused {total['refused']:,}, cut off {total['cut off']}",
            f"- dead processes held {held:,} tokens; the sweep freed {freed} reservations, after it 0 are held",
            f"- charged {sum(charged):,} calls, {sum(charged) * MOST:,} tokens; every balance is what it was less that",
            f"- {len(checks.invariants())} invariants hold",
        ],
    )
