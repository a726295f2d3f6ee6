"""Stripe's own SDK under our time-outs and errors, telling nobody about this machine. Imported on the first call."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import stripe

from convergio.core.errors import ProviderError

_SECONDS = (5, 20)  # to connect, to answer
_RETRY = (stripe.APIConnectionError, stripe.RateLimitError)
_AUTH = (stripe.AuthenticationError, stripe.PermissionError)
_PERMANENT = (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError)

stripe.enable_telemetry = False  # durations of earlier requests, and an id of the machine
logging.getLogger("stripe").setLevel(logging.WARNING)  # every request's address otherwise


class _QuietClient(stripe.RequestsClient):
    """Without the SDK's headers on platform, interpreter and tools around it."""

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, *args: Any, **options: Any
    ) -> Any:
        sent = {name: value for name, value in (headers or {}).items() if "User-Agent" not in name}
        return super().request(method, url, {**sent, "User-Agent": "Convergio"}, *args, **options)


def connect(base_url: str, *, secret_key: str) -> stripe.StripeClient:
    """A client that does not retry: jobs do."""
    return stripe.StripeClient(
        secret_key,
        base_addresses={"api": base_url},
        http_client=_QuietClient(timeout=_SECONDS),
        max_network_retries=0,
    )


@contextmanager
def our_errors() -> Iterator[None]:
    """Stripe's errors as ProviderError."""
    try:
        yield
    except stripe.StripeError as error:
        raise _translate(error) from error


def _translate(error: stripe.StripeError) -> ProviderError:
    if isinstance(error, _AUTH):
        return ProviderError("auth", "Stripe does not accept the key of this installation.")
    if isinstance(error, _RETRY) or (error.http_status or 500) >= 500:
        wait = str((error.headers or {}).get("retry-after", ""))
        return ProviderError(
            "retry", "Stripe cannot answer right now.", retry_after=float(wait) if wait.isdigit() else None
        )
    # What they say of other errors is for developers.
    message = error.user_message if isinstance(error, _PERMANENT) else f"status {error.http_status}"
    return ProviderError("permanent", f"Stripe refused: {message}")
