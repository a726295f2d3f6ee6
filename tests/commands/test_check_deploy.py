"""`convergio check --deploy`: each thing that is not fit for production has its sentence and its remedy."""

from __future__ import annotations

import os
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from convergio.commands.doctor.deploy import check_deploy
from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace
from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import convergio
from tests.support.postgres import reachable_folder

GOOD = {
    "PUBLIC_URL": "https://desk.example.test",
    "HTTPS": True,
    "TRUSTED_PROXIES": [ip_network("127.0.0.1")],
    "DEBUG": False,
    "SECRET_KEY": "9fJ2-hQx7Lw0ZtR4vYb1NcK8sDpG5mEa",
    "SECRET_KEY_FALLBACKS": [],
    "SYSTEM_SMTP_URL": "smtps://desk:pw@mail.example.test",
    "SIGNUP": "invite",
    "RATE_LIMIT": 600,
    "ALLOW_PRIVATE_HOSTS": False,
    "ARGON2_MEMORY_KIB": 47104,
    "ARGON2_TIME_COST": 1,
}
# What is changed, and the beginnings of the sentence and of the remedy that it gets.
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "http": (
        {"HTTPS": False, "PUBLIC_URL": "http://desk.example.test"},
        "People open http://desk.example.test, so passwords",
        "Put a proxy with a certificate in front",
    ),
    "proxy": ({"TRUSTED_PROXIES": []}, "The proxy that ends https is not trusted", "Set CONVERGIO_TRUSTED_PROXIES"),
    "debug": ({"DEBUG": True}, "CONVERGIO_DEBUG is on", "Remove CONVERGIO_DEBUG."),
    "short key": ({"SECRET_KEY": "9fJ2-hQx7Lw0ZtR4"}, "CONVERGIO_SECRET_KEY is short or can", "Make one with"),
    "dull key": ({"SECRET_KEY": "abc" * 20}, "CONVERGIO_SECRET_KEY is short or can be guessed.", "Make one with"),
    "placeholder": (
        {"SECRET_KEY": "please-Change-me-9fJ2-hQx7Lw0ZtR4vYb1"},
        "CONVERGIO_SECRET_KEY is short or can be guessed.",
        "Make one with",
    ),
    "old keys": ({"SECRET_KEY_FALLBACKS": ["a", "b"]}, "2 old secret keys", "Remove CONVERGIO_SECRET_KEY_OLD"),
    "no mail": ({"SYSTEM_SMTP_URL": ""}, "Notices have no mail server", "Set CONVERGIO_SMTP_URL"),
    "open mail": (
        {"SYSTEM_SMTP_URL": "smtp://mail.example.test"},
        "Notices travel to mail.example.test in the clear",
        "Begin CONVERGIO_SMTP_URL with smtps://",
    ),
    "sign-up": ({"SIGNUP": "open"}, "Anybody who finds the address", "Set CONVERGIO_SIGNUP to invite or closed"),
    "no limit": ({"RATE_LIMIT": 0}, "Programs may send any number", "Remove CONVERGIO_RATE_LIMIT=0"),
    "hosts": ({"ALLOW_PRIVATE_HOSTS": True}, "People may have the server", "Remove CONVERGIO_ALLOW_PRIVATE"),
    "memory": ({"ARGON2_MEMORY_KIB": 19456}, "Passwords are hashed with 19456 KiB and 1 passes", "Remove CONVERGIO_A"),
    "passes": (
        {"ARGON2_MEMORY_KIB": 7000, "ARGON2_TIME_COST": 9},
        "Passwords are hashed with 7000 KiB and 9 passes",
        "Remove CONVERGIO_ARGON2",
    ),
}  # fmt: skip


@pytest.fixture
def workplace(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A production installation with an external database, backed up today."""
    for name, value in GOOD.items():
        setattr(settings, name, value)
    settings.DATA_DIR = tmp_path
    monkeypatch.delenv("CONVERGIO_SECRET_KEY_FILE", raising=False)
    (tmp_path / "last-backup").touch()
    return Workplace(tmp_path, None)


def found(workplace: Workplace) -> list[Finding]:
    return [finding for finding in check_deploy(workplace) if finding.level is not Level.OK]


def test_a_production_installation_has_nothing_to_say(workplace: Workplace) -> None:
    (only,) = check_deploy(workplace)
    assert (only.level, only.sentence) == (
        Level.OK,
        "The settings are those of a production installation.",
    )


@pytest.mark.parametrize("name", WRONG)
def test_it_says_what_is_wrong_and_what_to_do(
    name: str, workplace: Workplace, settings: LazySettings
) -> None:
    changed, sentence, remedy = WRONG[name]
    for setting, value in changed.items():
        setattr(settings, setting, value)
    (finding,) = found(workplace)
    assert finding.level is Level.PROBLEM
    assert finding.sentence.startswith(sentence)
    assert finding.remedy.startswith(remedy)


def test_it_takes_every_pair_of_memory_and_passes_that_owasp_names(
    workplace: Workplace, settings: LazySettings
) -> None:
    for memory, passes in ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5), (65536, 3)):
        settings.ARGON2_MEMORY_KIB, settings.ARGON2_TIME_COST = memory, passes
        assert found(workplace) == []


def test_a_server_on_this_machine_may_speak_plainly(workplace: Workplace, settings: LazySettings) -> None:
    settings.SYSTEM_SMTP_URL = "smtp://127.0.0.1:25"
    assert found(workplace) == []


def test_it_finds_a_key_beside_the_data(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERGIO_SECRET_KEY_FILE", str(workplace.data_dir / "secret.key"))
    (finding,) = found(workplace)
    assert finding.sentence.startswith("The secret key lies in the data folder")
    assert finding.remedy.startswith("Move it out of the folder")
    monkeypatch.setenv("CONVERGIO_SECRET_KEY_FILE", "/run/secrets/convergio")
    assert found(workplace) == []


@pytest.mark.parametrize(("days", "words"), [(None, "was never made."), (8, "is from ")])
def test_it_finds_that_backups_are_missing(days: int | None, words: str, workplace: Workplace) -> None:
    stamp = workplace.data_dir / "last-backup"
    if days is None:
        stamp.unlink()
    else:
        os.utime(stamp, (time.time() - days * 86400,) * 2)
    embedded = Workplace(workplace.data_dir, EmbeddedPostgres(workplace.data_dir))
    for place, level in ((workplace, Level.NOTE), (embedded, Level.PROBLEM)):
        (finding,) = found(place)
        assert finding.level is level
        assert finding.sentence.startswith(f"The last backup by convergio db backup {words}")
        assert finding.remedy


def test_a_machine_of_ones_own_is_fine_until_deploy_is_asked_for() -> None:
    """The command: its lines, its exit code, and that a backup is noticed."""
    with reachable_folder() as folder, EmbeddedPostgres(folder / "data", durable=False) as server:
        place = ("--data-dir", server.data_dir)
        assert convergio("migrate", *place).returncode == 0
        plain, deploy = convergio("check", *place), convergio("check", "--deploy", *place)
        assert "deploy:" not in plain.stdout
        assert (deploy.returncode, deploy.stderr) == (1, "")
        for words in ("People open http://", "The secret key lies in the data folder", "was never made"):
            assert words in deploy.stdout
        assert convergio("db", "backup", folder / "all.tar", *place).returncode == 0
        again = convergio("check", "--deploy", *place)
        assert "was never made" not in again.stdout
        assert again.returncode == 1
