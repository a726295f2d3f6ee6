"""Bounces written as prose, before or beside RFC 3464: qmail, Exim, old sendmail, Exchange and others.

Read only when the message says it comes from a mail system, and only up to the copy of the original, so that
an address quoted in a letter is never taken for a dead one.
"""

import re
from collections.abc import Mapping
from itertools import zip_longest

from convergio.mail.parsing.types import Address, RecipientReport

_SYSTEM_SENDER = re.compile(
    r"^(mailer-daemon|postmaster|mail-daemon|mail\.daemon|mdaemon)$|^mailer-daemon\b", re.IGNORECASE
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (status|failure|failed|problem|error)|failure notice|returned mail|mail delivery|"
    r"could not be delivered|unzustellbar|non remis|no se puede entregar|mancato recapito|mail system error",
    re.IGNORECASE,
)
_ORIGINAL_STARTS = re.compile(
    r"^[ >]*(-+ ?(this is a copy|below this line|original message|the original message|included message|"
    r"returned message|unsent message|message header|start of message)|-+\s*$(?=\n+received:)|received: )",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"<?([A-Za-z0-9._%+=\-']{1,64}@[A-Za-z0-9.\-]{1,255}\.[A-Za-z]{2,24})>?")
_ENHANCED = re.compile(r"\b([45]\.\d{1,3}\.\d{1,3})\b")
_REPLY_CODE = re.compile(r"(?:^|[\s:\"'(<#])([45])\d\d(?=[\s\-:.#])")
_GIVEN_UP = re.compile(
    r"permanent|fatal error|gave up|giving up|unknown|does not exist|doesn't exist|no such|not found|disabled|"
    r"rejected|refused|denied|inactive|over ?quota|quota exceeded|mailbox (is )?full|unavailable|undeliverable|"
    r"could not be delivered|not listed|couldn't be delivered|wasn't able to deliver|"
    r"not delivered|did not reach|failed",
    re.IGNORECASE,
)
_STILL_TRYING = re.compile(
    r"will (be retried|retry|keep trying|continue)|still being|has not yet|not been delivered yet|warning message|"
    r"do not need to resend|no action is required|delayed|temporar|deferred",
    re.IGNORECASE,
)
_MAX_TEXT = 20_000
_MAX_RECIPIENTS = 50


def read_prose(
    *, sender: Address | None, return_path: str | None, headers: Mapping[str, tuple[str, ...]], text: str
) -> tuple[RecipientReport, ...]:
    """What a bounce in prose says per recipient; empty when the message is no bounce or names nobody."""
    subject = " ".join(headers.get("subject", ()))
    if not _is_from_mail_system(sender, return_path, subject, headers):
        return ()
    head = text[:_MAX_TEXT]
    start = _ORIGINAL_STARTS.search(head)
    notice = head[: start.start()] if start else head
    ours = [value for name in ("to", "delivered-to") for value in headers.get(name, ())]
    own = {address.lower() for value in ours for address in _ADDRESS.findall(value)}
    own |= {sender.address.lower()} if sender else set()
    named = [
        address for value in headers.get("x-failed-recipients", ()) for address in _ADDRESS.findall(value)
    ]
    paragraphs = _by_address(notice, skip=own)
    found = {address.lower(): address for address in [*named, *paragraphs]}
    # Words about the whole message count only where they can mean one address.
    context = f"{subject} {notice[:2_000]}" if len(found) == 1 else ""
    reports = (_report(address, paragraphs.get(address, notice), context) for address in found.values())
    return tuple(report for report in reports if report is not None)[:_MAX_RECIPIENTS]


def _is_from_mail_system(
    sender: Address | None, return_path: str | None, subject: str, headers: Mapping[str, tuple[str, ...]]
) -> bool:
    if "x-failed-recipients" in headers:
        return True
    if sender is not None and _SYSTEM_SENDER.search(sender.local_part):
        return True
    return return_path == "" and _BOUNCE_SUBJECT.search(subject) is not None


def _by_address(notice: str, *, skip: set[str]) -> dict[str, str]:
    """Each address of the notice with the text from it to the next address or the end of its paragraph."""
    found: dict[str, str] = {}
    matches = [match for match in _ADDRESS.finditer(notice) if match[1].lower() not in skip]
    for match, following in zip_longest(matches, matches[1:]):
        end = following.start() if following else len(notice)
        found[match[1]] = found.get(match[1], "") + notice[match.end() : end][:2_000]
    return found


def _report(address: str, detail: str, context: str) -> RecipientReport | None:
    enhanced, code = _ENHANCED.search(detail), _REPLY_CODE.search(detail)
    status = enhanced[1] if enhanced else f"{code[1]}.0.0" if code else _status_in_words(detail, context)
    if not status:
        return None
    lines = (line.strip(" :\t") for line in detail.splitlines())
    diagnostic = " ".join(line for line in lines if line)[:500]
    return RecipientReport(address, "delayed" if status.startswith("4") else "failed", status, diagnostic)


def _status_in_words(detail: str, context: str) -> str:
    if _STILL_TRYING.search(detail):
        return "4.0.0"
    if _GIVEN_UP.search(detail):
        return "5.0.0"
    return "4.0.0" if _STILL_TRYING.search(context) else "5.0.0" if _GIVEN_UP.search(context) else ""
