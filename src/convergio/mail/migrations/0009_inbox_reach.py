"""API keys that are limited to inboxes: the views that they see, and a search that stays within their inboxes."""

from importlib import import_module

from django.db import migrations

from convergio.mail.inbox_views import MakeInboxViews

_before = import_module("convergio.mail.migrations.0005_search_function")._FUNCTION  # noqa: SLF001 - what it was before

# The limit becomes part of the filter by inbox, which vanishes from the plan where there is none.
_DECLARED = "  inboxes bigint[];\n"
_REACH = "  reach bigint[] := NULLIF(current_setting('convergio.inbox_ids', true), '')::bigint[];\n"
_CHOSEN = "  IF wanted_read = false THEN\n"
_LIMITED = """  IF reach IS NOT NULL THEN
    inboxes := CASE WHEN wanted_tag = '' THEN reach
                    ELSE ARRAY(SELECT unnest(inboxes) INTERSECT SELECT unnest(reach)) END;
  END IF;
"""
_now = _before.replace(_DECLARED, _DECLARED + _REACH).replace(_CHOSEN, _LIMITED + _CHOSEN)


def _replacing(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0008_leaner_indexes"),
        ("work", "0002_row_security"),
        ("ai", "0003_search"),
        ("core", "0007_keys_of_files"),
    ]

    operations = [
        migrations.RunSQL(_replacing(_now), _replacing(_before)),
        MakeInboxViews(),
    ]
