"""The Jinja2 environment of every product page: what templates may call, and how values are written out."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from django.urls import reverse
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from convergio.accounts.permissions import allows
from convergio.site import formats
from convergio.site.jinja_folding import FoldingEnvironment
from convergio.site.navigation import SECTIONS, SETTINGS_MENU
from convergio.site.static_files import asset_url


@lru_cache(maxsize=2048)
def url(name: str, *args: object, **kwargs: object) -> str:
    """Return the path of a named route, as Django's `reverse` does; remembered, because a page asks dozens of times."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


@cache
def asset(path: str) -> str:
    """Return the public address of a static file; looked up once, because a page asks hundreds of times."""
    return asset_url(path)


@cache
def icon(name: str, label: str = "") -> Markup:
    """Return one icon of the sprite. Without a label it is decoration and hidden from screen readers."""
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    href = escape(f"{asset('vendor/icons.svg')}#{name}")
    return Markup(f'<svg class="ti" {role}><use href="{href}"/></svg>')  # noqa: S704 (every part is escaped)


class Macros:
    """The macros of site/macros.html as the global `cv`: a block rendered alone runs none of its template's imports."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        macro = getattr(self._env.get_template("site/macros.html").module, name)
        if not self._env.auto_reload:
            setattr(self, name, macro)
        return macro


def environment(**options: Any) -> Environment:
    """Build the environment for Django's Jinja2 backend, whose `options` turn escaping on.

    A name that a template misspells raises here; the backend's own choice would print nothing.
    """
    ours = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    env = FoldingEnvironment(**{**options, **ours})
    env.globals.update(static=asset, url=url, icon=icon, query=formats.query, cv=Macros(env))
    env.globals.update(sections=SECTIONS, settings_menu=SETTINGS_MENU, allows=allows)
    env.filters.update({function.__name__: function for function in formats.FILTERS})
    env.tests.update(formats.TESTS)
    return env
