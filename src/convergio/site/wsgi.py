"""The WSGI application that granian serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convergio.settings")
application = get_wsgi_application()

from convergio.site.live import end_streams_on_signal  # noqa: E402 - needs Django's settings

end_streams_on_signal()
