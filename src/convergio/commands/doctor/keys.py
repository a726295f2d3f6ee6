"""Whether the stored secrets still open with the keys of this installation."""

from collections.abc import Iterator

from convergio.commands.doctor.everywhere import fetch_everywhere
from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace

_SUBJECT = "keys"
_SEALED = """
SELECT email_address, secrets_encrypted FROM inboxes
WHERE secrets_encrypted IS NOT NULL AND workspace_id = %(workspace)s ORDER BY 1
"""


def check_keys(workplace: Workplace) -> Iterator[Finding]:
    """Secrets sealed with a key that is no longer in CONVERGIO_SECRET_KEY or CONVERGIO_SECRET_KEY_OLD."""
    from convergio.core.crypto import has_key_for  # noqa: PLC0415 - reads Django's settings

    sealed = fetch_everywhere(workplace.admin_url, _SEALED)
    closed = [address for address, value in sealed if not has_key_for(value)]
    for address in closed:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"The password of {address} was stored under another CONVERGIO_SECRET_KEY.",
            "Put the old key into CONVERGIO_SECRET_KEY_OLD, or enter the password again in Settings, Inboxes.",
        )
    if not closed:
        yield Finding(_SUBJECT, Level.OK, f"All stored secrets open ({len(sealed)}).")
