"""Opening a guarded connection, and one sentence for each way in which that fails."""

from __future__ import annotations

import ssl

from convergio.core.errors import ProviderError
from convergio.core.net import Endpoint, guard_host
from convergio.mail.mailboxes.protocol import Security


def endpoint_for(host: str, port: int, security: Security, *, allow_private_hosts: bool) -> Endpoint:
    """The checked addresses of a mail server; an unencrypted connection is for this machine only."""
    endpoint = guard_host(host, port, allow_private_hosts=allow_private_hosts)
    if security == "plain" and not endpoint.is_loopback:
        raise ProviderError(
            "permanent",
            f"The connection to {host} would send the password in the clear; choose TLS or STARTTLS.",
        )
    return endpoint


def tls_context() -> ssl.SSLContext:
    """Verifies certificate and host name; the operator's own authority comes by SSL_CERT_FILE."""
    return ssl.create_default_context()


def connection_error(host: str, error: Exception) -> ProviderError:
    """What a person is told when the network, and not the server, said no."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or "it could not be verified"
        return ProviderError("permanent", f"The certificate of {host} was not accepted: {reason}.")
    if isinstance(error, ssl.SSLError):
        return ProviderError(
            "retry", f"The server {host} did not speak TLS; check the port and the security."
        )
    if isinstance(error, TimeoutError):
        return ProviderError("retry", f"The server {host} did not answer in time; it is tried again.")
    return ProviderError("retry", f"The connection to {host} failed or was closed; it is tried again.")
