"""What a check has to say."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a finding matters: only a problem makes `convergio check` fail."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


def counted(number: int, one: str, more: str) -> str:
    """The number with the words for one or for several."""
    return f"{number:,} {one if number == 1 else more}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a subject, and what to do about it."""

    subject: str
    level: Level
    sentence: str
    remedy: str = ""
