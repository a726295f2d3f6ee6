"""First sync of an IMAP account, beside the least that any program must do; polls with nothing new; memory.

The floor, in the same run and against the same servers: imaplib in batches of 100, a compat32 parse, `executemany` of
raw bytes and columns, a commit per batch. No threads, no tasks, no search, no de-duplication.
"""

from __future__ import annotations

from benchmarks.mail_world import MailWorld, mail_world
from tests.mail.servers import PASSWORD, Account

MESSAGES = 2_000
MANY = 10_000
RUNS = 5


def run() -> list[str]:
    """Printed lines: rates, their ratio, poll times, peak memory; medians of runs that take turns."""
    with mail_world() as world:
        small = world.account(MESSAGES)
        rates, floors, memories, polls = [], [], [], []
        for _ in range(RUNS):
            floors.append(float(_measure(world, "benchmarks.sync_floor", small)[0]))
            rate, peak, poll = map(float, _measure(world, "benchmarks.sync_once", small))
            rates.append(rate)
            memories.append(peak)
            polls.append(poll)
        _, large, _ = map(float, _measure(world, "benchmarks.sync_once", world.account(MANY)))
    rate, floor, poll, memory = (sorted(one)[RUNS // 2] for one in (rates, floors, polls, memories))
    share = f"share {rate / floor:.2f} (aim 0.20)"
    return [
        f"IMAP first sync of {MESSAGES:,} messages: {rate:,.0f} messages/s, floor {floor:,.0f}, {share}",
        f"IMAP poll with nothing new in {MESSAGES:,} messages: {poll:.1f} ms (aim: under 50)",
        f"peak memory of a first sync: {memory:.0f} MB with {MESSAGES:,} messages, {large:.0f} MB with {MANY:,}",
    ]


def _measure(world: MailWorld, module: str, account: Account) -> list[str]:
    settings = account.settings
    return world.run(module, settings.imap_host, str(settings.imap_port), settings.imap_username, PASSWORD)


if __name__ == "__main__":
    print("\n".join(run()))
