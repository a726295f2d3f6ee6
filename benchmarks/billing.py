"""Renewals of subscriptions: time and statements of one, as a ratio to plain INSERTs of the rows that it leaves."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.world import filled

SUBSCRIBERS = 300
MORE_USERS = 20_000


def run() -> list[str]:
    """Measure in a process of its own, as the application's role."""
    with filled(0, workspaces=1) as world:
        shop = {"CONVERGIO_FAKE_GATEWAY": "1", "CONVERGIO_SELLER_NAME": "Convergio Test"}
        selling = replace(world, environment=world.environment | shop)
        printed = selling.python("-m", "benchmarks.renewals", str(SUBSCRIBERS), str(MORE_USERS))
    renewal, statements, most, floor, rows, idle, idle_more = (float(word) for word in printed.split())
    return [
        (
            f"a renewal, asked for at the gateway, invoiced, granted and logged: {renewal:.1f} ms, "
            f"{statements:.0f} statements (at most {most:.0f}), {SUBSCRIBERS} subscribers"
        ),
        f"plain INSERTs of its {rows:.0f} rows: {floor:.2f} ms; ratio {renewal / floor:.1f}",
        (
            f"the minute's job with nobody due, among {SUBSCRIBERS} and {SUBSCRIBERS + MORE_USERS:,} subscribers: "
            f"{idle:.2f} and {idle_more:.2f} ms, growth {idle_more / idle:.2f}"
        ),
    ]
