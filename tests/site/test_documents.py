"""The documents: their links lead somewhere, and what they say of settings and verdicts is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import convergio
from convergio.core.environment import Environment
from convergio.mail.verdict import RULES

PACKAGE = Path(convergio.__file__).parent
ROOT = PACKAGE.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# ![words](target) and [words](target)
_LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|html|js|css|md|txt|toml))`")
_READERS = {name for name in vars(Environment) if not name.startswith("_")} - {"values"}

by_name = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    return _CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The names that a code host gives to headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets(path: Path, *, pictures: bool) -> Iterator[str]:
    for mark, target in _LINK.findall(prose(path)):
        if bool(mark) is pictures and not re.match(r"[a-z]+:", target):
            yield target


def test_there_are_documents_to_check() -> None:
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/guide.md", "docs/decisions/README.md"} <= names


@by_name
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in targets(path, pictures=False):
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@by_name
def test_every_picture_is_there(path: Path) -> None:
    assert [one for one in targets(path, pictures=True) if not (path.parent / one).is_file()] == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md", "docs/mail-engine.md"])
def test_it_names_only_files_that_exist(name: str) -> None:
    named = _PATH.findall((ROOT / name).read_text(encoding="utf-8"))
    places = (ROOT, PACKAGE, PACKAGE / "mail", *PACKAGE.glob("*/templates"))
    invented = {"src/convergio/ai/providers/NAME.py"}
    missing = [one for one in named if not any((place / one).is_file() for place in places)]
    assert set(missing) <= invented


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    assert [page for page in pages if f"({page})" not in index] == []
    assert len({page[:4] for page in pages}) == len(pages)


def settings_in_code() -> dict[str, tuple[bool, Any]]:
    """Each variable that the settings read, with whether NAME_FILE serves too, and its default where it is plain."""
    found = {}
    for call in ast.walk(ast.parse((PACKAGE / "settings.py").read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "env"):
            continue
        assert call.func.attr in _READERS
        name, *more = (
            argument.value if isinstance(argument, ast.Constant) else ... for argument in call.args
        )
        assert isinstance(name, str), "a variable's name stands in the code as it is"
        default = False if call.func.attr == "flag" else ...
        found[name] = (call.func.attr == "secret", more[0] if more else default)
    return found


def variables_in_code() -> set[str]:
    """Every name of ours that is read anywhere in the package."""
    text = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return {
        name.removesuffix("_FILE")
        for name in re.findall(r'"((?:CONVERGIO_[A-Z0-9_]+|DATABASE_[A-Z]*_?URL(?:_FILE)?))"', text)
    }


def settings_in_document() -> dict[str, tuple[str, bool]]:
    text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) ?\| (yes|no) \| \S.*\|$", text, re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows)
    return {name: (default.strip("`"), file == "yes") for name, default, file in rows}


def test_the_table_of_settings_names_every_variable_and_no_other() -> None:
    assert set(settings_in_document()) == variables_in_code() == set(settings_in_code())


def test_the_table_says_which_settings_may_come_from_a_file_and_their_defaults() -> None:
    documented = settings_in_document()
    for name, (from_file, default) in settings_in_code().items():
        shown, may_be_file = documented[name]
        assert may_be_file is from_file, name
        if isinstance(default, bool):
            assert shown in ("", "false"), name
        elif default is not ...:
            assert shown in (str(default), "the address listened on"), name


def test_the_guide_gives_every_reason_against_an_answer_with_its_sentence() -> None:
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    listed = guide.partition("### Why a mail is not answered")[2].partition("\n#")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \|$", listed, re.MULTILINE)
    assert rows == [(rule.reason, rule.sentence) for rule in RULES]
