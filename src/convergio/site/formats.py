"""How times, sizes, money and names read on a page: 24-hour clock, "Thu 26 Nov", Indian digit groups."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.utils import timezone

from convergio.core.money import format_amount
from convergio.core.money import indian as indian

MINUTE, HOUR, DAY = 60, 3600, 86400


def clock(value: datetime) -> str:
    """Return the time of day where the reader is: 10:42."""
    return timezone.localtime(value).strftime("%H:%M")


def day(value: datetime) -> str:
    """Return "Thu 26 Nov", with the year when it is not the current one."""
    local = timezone.localtime(value)
    year = "" if local.year == timezone.localtime().year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}"


def day_heading(value: datetime) -> str:
    """Return "Today", "Yesterday" or the day, as the heading of a group of rows."""
    days = (timezone.localdate() - timezone.localtime(value).date()).days
    return {0: "Today", 1: "Yesterday"}.get(days) or day(value)


def when(value: datetime) -> str:
    """Return the shortest unambiguous time for a row: 10:42, Mon, 26 Nov or 26 Nov 2025."""
    local, today = timezone.localtime(value), timezone.localdate()
    days = (today - local.date()).days
    if days == 0:
        return clock(value)
    if 0 < days < 7:
        return f"{local:%a}"
    return f"{local.day} {local:%b}" + ("" if local.year == today.year else f" {local.year}")


def moment(value: datetime) -> str:
    """Return day and time: "Today 10:42", "Thu 26 Nov 18:00"."""
    return f"{day_heading(value)} {clock(value)}"


def ago(value: datetime) -> str:
    """Return how long ago in one unit up to a day, then the day and time."""
    seconds = int((timezone.now() - value).total_seconds())
    if seconds < MINUTE:
        return "Now"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min ago"
    if seconds < DAY:
        return f"{seconds // HOUR} h ago"
    return moment(value)


def ago_within(value: datetime) -> str:
    """The same inside a sentence: "just now", "today 10:42"; names of days keep their capital."""
    words = ago(value)
    if words == "Now":
        return "just now"
    return words[0].lower() + words[1:] if words.startswith(("Today", "Yesterday")) else words


def iso(value: datetime) -> str:
    """Return the value of a <time datetime> attribute."""
    return timezone.localtime(value).isoformat(timespec="seconds")


def is_past(value: datetime) -> bool:
    return value < timezone.now()


def file_size(size: int) -> str:
    """Return bytes as people write them, in powers of 1,000: 980 bytes, 1.2 MB."""
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} TB"


def rupees(paise: int) -> str:
    """Return paise as rupees; the paise are written only when there are any: ₹4,50,000, ₹38.20."""
    whole, rest = divmod(abs(paise), 100)
    return ("-" if paise < 0 else "") + f"₹{indian(whole)}" + (f".{rest:02d}" if rest else "")


def money(amount: int, currency: str = "INR") -> str:
    """Return minor units with the currency's sign; rupees as `rupees` writes them, others with two decimals."""
    return rupees(amount) if currency == "INR" else format_amount(amount, currency)


def initials(name: str) -> str:
    """Return one or two capitals for an avatar; of an address the part before the @ counts."""
    words = [word for word in name.partition("@")[0].replace(".", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def count(number: int, one: str, many: str) -> str:
    """Return the number with the word that fits it: "1 mail", "1,204 mails"."""
    return f"{indian(number)} {one if number == 1 else many}"


def capped(number: int, limit: int = 100) -> str:
    """Return a number that was counted up to `limit`: "99+" stands for that many and more."""
    return indian(number) if number < limit else f"{indian(limit - 1)}+"


def query(base: dict[str, str], **changes: str | None) -> str:
    """Return `?a=1&b=2` from the page's current parameters with `changes` applied; None and "" drop a key."""
    kept = {key: value for key, value in {**base, **changes}.items() if value}
    return f"?{urlencode(kept)}" if kept else "?"


FILTERS = (
    clock,
    day,
    day_heading,
    when,
    moment,
    ago,
    ago_within,
    iso,
    file_size,
    indian,
    rupees,
    money,
    initials,
    count,
    capped,
)
TESTS = {"past": is_past}
