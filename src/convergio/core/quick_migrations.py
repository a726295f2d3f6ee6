"""All migrations in a quarter of Django's time, which is what a first start and every test's database wait for.

After each operation Django builds the classes of all models anew that are related to the changed one, over any number
of steps: with users and workspaces, nearly all of ours. To write the tables' SQL it is enough that the changed one
itself is new. Marked as delayed, as Django does with its own shortcuts, everything is built whole before a migration
runs Python. tests/core/test_migrations.py holds the result to that of Django's own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db.migrations.state import ProjectState


def apply_migrations(*target: str) -> None:
    """`manage migrate`, silent, on the default connection; a target is a domain and perhaps a migration or zero."""
    with _changed_model_only():
        call_command("migrate", *target, verbosity=0, interactive=False, skip_checks=True)


@contextmanager
def _changed_model_only() -> Iterator[None]:
    whole = ProjectState._find_reload_model  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way in

    def changed_only(
        state: Any,
        app_label: str,
        model_name: str,
        delay: bool = False,  # noqa: ARG001 - Django's own signature
    ) -> set[tuple[str, str]]:
        state.is_delayed = True
        return {(app_label, model_name)}

    ProjectState._find_reload_model = changed_only  # type: ignore[attr-defined] # noqa: SLF001
    try:
        yield
    finally:
        ProjectState._find_reload_model = whole  # type: ignore[attr-defined] # noqa: SLF001
