"""Money and tokens: whether everything adds up, and where a payment gateway's books and ours differ."""

from collections.abc import Iterator

import psycopg

from convergio.billing.checks import invariants
from convergio.commands.doctor.finding import Finding, Level, counted
from convergio.commands.workplace import Workplace

_SUBJECT = "money"
_DIFFERENCES = """
SELECT gateway, kind, count(*) FROM gateway_differences WHERE resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def check_money(workplace: Workplace) -> Iterator[Finding]:
    """Every sentence of billing/checks.sql that does not hold, and the differences that nobody has resolved."""
    with psycopg.connect(workplace.admin_url) as connection:
        # They hold between transactions, so all look at one moment.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        broken = [(one.sentence, connection.execute(one.statement).rowcount) for one in invariants()]
        differences = connection.execute(_DIFFERENCES).fetchall()
    broken = [(sentence, rows) for sentence, rows in broken if rows]
    for sentence, rows in broken:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"{counted(rows, 'row breaks', 'rows break')} this: {sentence}",
            "Nothing repairs this by itself. Keep a backup, and report it with the rows that its statement in "
            "billing/checks.sql finds.",
        )
    if not broken:
        yield Finding(_SUBJECT, Level.OK, f"All {len(invariants())} rules of balances and invoices hold.")
    for gateway, kind, count in differences:
        yield Finding(
            _SUBJECT,
            Level.NOTE,
            f"{counted(count, 'difference waits', 'differences wait')} with {gateway} ({kind.replace('_', ' ')}).",
            "Look at them in the back office under Gateway differences, and mark them as resolved.",
        )
