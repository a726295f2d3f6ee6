"""Whether the tables are those of this release."""

from collections.abc import Iterator

from convergio.commands.doctor.finding import Finding, Level, counted
from convergio.commands.workplace import Workplace

_SUBJECT = "migrations"


def check_migrations(_workplace: Workplace) -> Iterator[Finding]:
    """Pending migrations, and tables that a newer release has been at."""
    from django.db import connection  # noqa: PLC0415 - Django is set up by now
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    loader = MigrationExecutor(connection).loader
    pending = [key for key in loader.graph.nodes if key not in loader.applied_migrations]
    unknown = [
        key
        for key in loader.applied_migrations
        if key[0] in loader.migrated_apps and key not in loader.disk_migrations
    ]
    if pending:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"{counted(len(pending), 'migration is', 'migrations are')} pending.",
            "Run convergio migrate.",
        )
    if unknown:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"The database was migrated by a newer release ({'.'.join(max(unknown))}).",
            "Install that release again, or restore a backup from before.",
        )
    if not pending and not unknown:
        yield Finding(_SUBJECT, Level.OK, "The tables are those of this release.")
