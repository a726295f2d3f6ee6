"""Calls that are made when a template is compiled come out as they would on every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from django.template import engines
from django.template.backends.jinja2 import Jinja2
from django.urls import NoReverseMatch
from jinja2 import Environment, nodes

import convergio
from convergio.site.jinja import environment
from convergio.site.jinja_folding import FOLDED

TEMPLATES = sorted(Path(convergio.__file__).parent.glob("*/templates/*/*.html"))
BRANCHES = [
    "{{ icon('bell') }}{{ icon('paperclip', 'A <file>') }}",
    "<a href='{{ url('mail:commboost') }}?x={{ query({}, q='a&b') }}'>{{ static('css/mail.css') }}</a>",
    "{{ cv.pill('ok', 'check', 'A & B') }}{% set made = cv.button('Go', 'send') %}{{ made }}",
    "{% for name in ('bell', 'check') %}{{ icon(name) }}{% endfor %}",
    "{{ url('mail:thread', 7) }}{{ url('mail:thread', number) }}",
    "{% call cv.empty('check', 'None', 'Nothing <here>') %}<b>{{ icon('x') }}{{ text }}</b>{% endcall %}",
    "{{ cv.icon_link(url('mail:compose'), 'edit', 'New', 'C') }}",
]


def made(*, auto_reload: bool) -> Environment:
    """An environment of ours; one that reloads folds nothing."""
    loader = cast(Jinja2, engines["jinja2"]).env.loader
    return environment(loader=loader, autoescape=True, auto_reload=auto_reload)


@pytest.mark.parametrize("source", BRANCHES)
def test_it_writes_the_same(source: str) -> None:
    given: dict[str, Any] = {"number": 8, "text": "<i>"}
    folded, plain = made(auto_reload=False).from_string(source), made(auto_reload=True).from_string(source)
    assert folded.render(given) == plain.render(given) != ""


def test_constant_calls_are_gone_from_the_compiled_template() -> None:
    source = "{{ icon('bell') }}{{ cv.pill('ok', 'check', 'Done') }}"
    assert "context.call" in str(made(auto_reload=True).compile(source, raw=True))
    assert "context.call" not in str(made(auto_reload=False).compile(source, raw=True))


def test_a_misspelled_route_shows_when_the_template_is_compiled() -> None:
    with pytest.raises(NoReverseMatch):
        made(auto_reload=False).from_string("{% if false %}{{ url('mail:nowhere') }}{% endif %}")


def test_every_template_compiles() -> None:
    env = made(auto_reload=False)
    for path in TEMPLATES:
        env.get_template(f"{path.parent.name}/{path.name}")


def test_no_template_gives_a_folded_name_another_meaning() -> None:
    env = made(auto_reload=True)
    for path in TEMPLATES:
        tree = env.parse(path.read_text(encoding="utf-8"))
        given = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        assert not given & FOLDED, path
