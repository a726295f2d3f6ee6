"""The WSGI application that granian serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convergio.settings")
application = get_wsgi_application()

from convergio.site.live import end_streams_on_signal  # noqa: E402 - needs Django's settings

end_streams_on_signal()

# What is loaded by now stays: the collector need not look at it again, and forked processes go on sharing its memory.
# (Not collected first: forked processes would fill the holes, each with a copy of the pages around them.) A page makes
# a few thousand objects, of which nearly all go by themselves.
gc.freeze()
gc.set_threshold(10_000)
