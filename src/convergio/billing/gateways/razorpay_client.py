"""Razorpay's own SDK under our time-outs and errors. Imported on the first call, because it brings an HTTP stack.

The SDK prints to the standard output what goes wrong on the wire, and reads every answer as JSON; so the session below
turns failures into ProviderError before the SDK sees them.
"""

from __future__ import annotations

from typing import Any

import razorpay
import requests

from convergio.core.errors import ProviderError

_SECONDS = (5, 20)  # to connect, to answer


class _Session(requests.Session):
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options |= {
            "timeout": _SECONDS,
            "allow_redirects": False,
        }  # the key must not follow one to another host
        try:
            response = super().send(request, **options)
        except requests.RequestException as error:
            raise ProviderError("retry", "Razorpay did not answer.") from error
        if not response.ok or response.is_redirect:
            raise _refusal(response)
        return response


def connect(base_url: str, *, key_id: str, key_secret: str) -> Any:
    """The SDK's client; it ships no types."""
    return razorpay.Client(session=_Session(), auth=(key_id, key_secret), base_url=base_url)


def _refusal(response: requests.Response) -> ProviderError:
    status = response.status_code
    if status in (401, 403):
        return ProviderError("auth", "Razorpay does not accept the key of this installation.")
    if status == 429 or status >= 500:
        wait = response.headers.get("Retry-After", "")
        return ProviderError(
            "retry", "Razorpay cannot answer right now.", retry_after=float(wait) if wait.isdigit() else None
        )
    return ProviderError("permanent", f"Razorpay refused: {_description(response)}")


def _description(response: requests.Response) -> str:
    try:
        return str(response.json()["error"]["description"])[:300]
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
