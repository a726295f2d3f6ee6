"""`convergio user`: who is let into the operator's back office."""

from __future__ import annotations

import psycopg

from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import convergio
from tests.support.postgres import reachable_folder


def test_staff_are_made_and_unmade_on_the_command_line_alone() -> None:
    with reachable_folder() as folder, EmbeddedPostgres(folder / "data", durable=False) as server:
        place = ("--data-dir", server.data_dir)

        def staff() -> list[str]:
            with psycopg.connect(server.admin_url) as connection:
                rows = connection.execute("SELECT email FROM users WHERE is_staff ORDER BY 1").fetchall()
            return [email for (email,) in rows]

        made = convergio("user", "create", "ada@convergio.test", "--staff", *place)
        assert "ada@convergio.test may open the back office at /admin" in made.stdout
        convergio("user", "create", "ben@convergio.test", *place)
        assert staff() == ["ada@convergio.test"]
        assert convergio("user", "staff", " BEN@convergio.test", *place).returncode == 0
        assert staff() == ["ada@convergio.test", "ben@convergio.test"]
        gone = convergio("user", "staff", "ada@convergio.test", "--remove", *place)
        assert gone.stdout == "ada@convergio.test may no longer open the back office.\n"
        assert staff() == ["ben@convergio.test"]
        unknown = convergio("user", "staff", "nobody@convergio.test", *place)
        assert (unknown.returncode, unknown.stderr) == (1, "convergio: There is no such account.\n")
