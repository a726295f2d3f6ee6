"""Rules that every template keeps, so that the strict content policy and the asset build hold."""

import re
from pathlib import Path

import pytest

import convergio

PACKAGE = Path(convergio.__file__).parent
ROOT = PACKAGE.parent.parent
TEMPLATES = sorted(PACKAGE.glob("*/templates/*/*.html"))
SCRIPTS = sorted((PACKAGE / "site/static/js").glob("*.js"))
STATIC = PACKAGE / "site/static"

by_name = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")


def test_there_are_templates_to_check() -> None:
    assert {"base.html", "bare.html", "error.html", "login.html"} <= {path.name for path in TEMPLATES}


@by_name
def test_it_has_no_inline_style_script_or_handler(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


@by_name
def test_it_names_only_icons_of_the_sprite(path: Path) -> None:
    known = set((ROOT / "scripts/icons.txt").read_text().split())
    text = path.read_text(encoding="utf-8")
    named = re.findall(
        r"\b(?:icon|note|pill|empty|icon_button|icon_link)\((?:'(?:ok|warn|err|note|ai|)', )?'([a-z0-9-]+)'",
        text,
    )
    addressed = re.findall(r"cv\.icon_link\([^,]+\([^)]*\), '([a-z0-9-]+)'", text)
    assert set(named + addressed) <= known


def test_scripts_and_the_menu_name_only_icons_of_the_sprite() -> None:
    known = set((ROOT / "scripts/icons.txt").read_text().split())
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    assert set(re.findall(r"(?:icon\(|icon: )'([a-z0-9-]+)'", text)) <= known
    menu = (PACKAGE / "site/navigation.py").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:Section|Page)\("[^"]+", "[^"]+", "([^"]+)"', menu)) <= known


@by_name
def test_it_names_only_static_files_that_exist(path: Path) -> None:
    named = re.findall(r"static\('((?:css|js|img)/[^']+)'\)", path.read_text(encoding="utf-8"))
    assert [name for name in named if not (STATIC / name).exists()] == []


@by_name
def test_every_post_form_carries_the_csrf_field(path: Path) -> None:
    for form in re.findall(
        r"<form[^>]*method=\"post\".*?</form>", path.read_text(encoding="utf-8"), re.DOTALL
    ):
        assert "{{ csrf_input }}" in form


def test_the_sprite_list_is_sorted_and_without_doubles() -> None:
    names = (ROOT / "scripts/icons.txt").read_text().split()
    assert names == sorted(set(names))


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def test_the_browser_listens_for_every_event_that_is_announced() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    announced = set(re.findall(r'\b(?:announce|show|tell)\(\s*"([a-z]+\.[a-z]+)"', sources))
    stream = (STATIC / "js/stream.js").read_text(encoding="utf-8")
    names = re.search(r"NAMES = \[(.*?)\]", stream, re.DOTALL)
    assert names is not None
    assert {"task.changed", "email.received"} <= announced <= set(re.findall(r"'([a-z.]+)'", names[1]))
