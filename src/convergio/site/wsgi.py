"""The WSGI application that granian serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convergio.settings")
application = get_wsgi_application()

from convergio.site.live import end_streams_on_signal  # noqa: E402 - needs Django's settings

end_streams_on_signal()

# A page makes a few thousand objects, of which nearly all go by themselves: looking at every 700th was a twelfth of it.
gc.set_threshold(10_000)
