"""Pages of the back office on which one thing is done to one row, through an action that may ask a payment gateway.

Django's own change page holds a transaction around its work. These stand behind site.access.without_transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.html import format_html_join

from convergio.core.errors import AppError
from convergio.site.backoffice.base import Part, actor_of


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that staff can do to a row.

    `do` takes the staff's user id, the row and the filled form; it answers what the log says, or raises AppError.
    """

    name: str
    label: str
    form: type[forms.Form]
    fits: Callable[[Any], bool]
    do: Callable[[int, Any, dict[str, Any]], str]


class ActingPart(Part):
    """Rows to look at, with a page at <id>/<act>/ for each of the acts that fit the row."""

    acts: tuple[Act, ...] = ()

    def get_urls(self) -> list[Any]:
        pages = [
            path(
                f"<int:object_id>/{act.name}/",
                self.admin_site.admin_view(partial(self.act_view, act=act)),
                name=self._route(act.name),
            )
            for act in self.acts
        ]
        return [*pages, *super().get_urls()]

    @admin.display(description="What can be done")
    def links(self, row: Any) -> str:
        fitting = [
            (reverse(f"admin:{self._route(act.name)}", args=[row.pk]), act.label)
            for act in self.acts
            if act.fits(row)
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', fitting) or "Nothing"

    def act_view(self, request: HttpRequest, object_id: int, *, act: Act) -> HttpResponse:
        """The form, and what came of it."""
        row = get_object_or_404(self.model, pk=object_id)
        if not act.fits(row):
            raise Http404
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                done = act.do(actor_of(request).require_user(), row, form.cleaned_data)
            except AppError as error:
                form.add_error(None, error.message)
            else:
                self.log_change(request, row, done)
                messages.info(request, done)
                return HttpResponseRedirect(reverse(f"admin:{self._route('change')}", args=[row.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act.label}: {row}",
            "form": form,
            "label": act.label,
            "back": reverse(f"admin:{self._route('change')}", args=[row.pk]),
            "opts": self.opts,
        }
        return render(request, "admin/act.html", context, status=422 if form.errors else 200)

    def _route(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"
