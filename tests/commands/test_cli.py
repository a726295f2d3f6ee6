"""The command as people run it: another process, its output and its exit code."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.commands import convergio
from tests.support.postgres import reachable_folder

COMMANDS = [
    "demo",
    "up",
    "web",
    "worker",
    "mailwatch",
    "migrate",
    "check",
    "db",
    "import",
    "user",
    "apikey",
    "manage",
]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data folder whose database has its tables."""
    with reachable_folder() as folder:
        assert convergio("migrate", "--data-dir", folder / "data").returncode == 0
        yield folder / "data"


def test_help_lists_every_command() -> None:
    done = convergio("--help")
    assert done.returncode == 0
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = convergio(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: convergio {command}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["up", "--port", "99999"], "“99999” is not a port"),
        (["db"], "the following arguments are required: ACTION"),
        (["web", "--frob"], "unrecognized arguments: --frob"),
        (["db", "schema", "--check"], "--check compares with the folder of --output, which is missing"),
    ],
)
def test_a_mistyped_command_line_is_one_sentence(arguments: list[str], complaint: str) -> None:
    done = convergio(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"DATABASE_URL": "postgresql://x:hunter2@127.0.0.1:1/mail"}, "does not open: Connection refused."),
        ({"DATABASE_URL": "mysql://x@127.0.0.1/mail"}, "is not an address of PostgreSQL"),
        (
            {"DATABASE_URL_FILE": "/nowhere/at/all"},
            "DATABASE_URL_FILE points to /nowhere/at/all, which cannot be read",
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "worker", "check", "migrate"])
def test_a_wrong_database_url_is_one_sentence(
    command: str, environment: dict[str, str], complaint: str
) -> None:
    done = convergio(command, **environment)
    assert done.returncode == (1 if command == "check" else 78)
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_in_use_is_one_sentence(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = convergio(command, "--port", port)
    assert done.returncode == 78
    assert done.stderr == (
        f"convergio: Port {port} on 127.0.0.1 is already in use: stop the program that holds it, "
        "or choose another with --port.\n"
    )


def test_the_administrators_address_sees_the_tables_and_the_applications_does_not_own_them(
    data_dir: Path,
) -> None:
    admin = convergio("db", "url", "--data-dir", data_dir).stdout.strip()
    application = convergio("db", "url", "--role", "app", "--data-dir", data_dir).stdout.strip()
    assert admin != application
    # Nothing runs there between two commands.
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(admin)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["db", "backup", "/nowhere/at/all.tar"],
            "There is no folder /nowhere/at: make it, or name another file.",
        ),
        (
            ["db", "restore", "/nowhere.tar"],
            "There is no file /nowhere.tar: name what `convergio db backup` wrote.",
        ),
    ],
)
def test_a_backup_file_in_a_wrong_place_is_one_sentence(
    data_dir: Path, arguments: list[str], sentence: str
) -> None:
    done = convergio(*arguments, "--data-dir", data_dir)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"convergio: {sentence}\n")


def test_a_restore_without_its_file_makes_nothing(tmp_path: Path) -> None:
    assert convergio("db", "restore", "/nowhere.tar", "--data-dir", tmp_path / "new").returncode == 1
    assert not (tmp_path / "new").exists()


def test_check_finds_nothing_wrong_with_a_fresh_installation(data_dir: Path) -> None:
    done = convergio("check", "--data-dir", data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok       migrations:" in done.stdout
    assert "problem" not in done.stdout


def test_an_account_and_a_key_can_be_made(data_dir: Path) -> None:
    user = convergio("user", "create", "ada@convergio.test", "--name", "Ada", "--data-dir", data_dir)
    assert (user.returncode, user.stderr) == (0, "")
    assert "The password, shown this once: " in user.stdout
    key = convergio("apikey", "create", "Ada@convergio.test", "--data-dir", data_dir)
    assert key.returncode == 0
    assert key.stdout.startswith("cai_")
    again = convergio("user", "create", "ada@convergio.test", "--data-dir", data_dir)
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1
    assert convergio("apikey", "create", "nobody@convergio.test", "--data-dir", data_dir).returncode == 1
