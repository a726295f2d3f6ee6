"""Facts of the Indian goods and services tax: states, registration numbers, financial years."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")
# The first two digits of a registration. https://services.gst.gov.in, list of state codes
STATES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
    "97": "Other Territory",
}
OUTSIDE_INDIA = "96"
# Without a legislature of their own, so that the second half of the tax is the Union's.
UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38", "97"})

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# State, PAN (five letters, four digits, a letter), number of the registration, Z, check digit.
_GSTIN = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]")
# With the year and six digits within the 16 characters that rule 46 allows a number.
_PREFIX = re.compile(r"[0-9A-Z]{1,3}")
_SAC = re.compile(r"99[0-9]{4}")


def check_digit(first_fourteen: str) -> str:
    """The fifteenth character: products with 1, 2, 1, 2, ..., their two digits in base 36 summed, up to 36."""
    total = 0
    for position, character in enumerate(first_fourteen):
        product = _DIGITS.index(character) * (1 + position % 2)
        total += product // 36 + product % 36
    return _DIGITS[-total % 36]


def gstin_problem(gstin: str) -> str:
    """What is wrong with a registration number, as one sentence; empty when it can exist."""
    if len(gstin) != 15:
        return f"A GSTIN has 15 characters, and this one has {len(gstin)}."
    if not _GSTIN.fullmatch(gstin):
        return "A GSTIN is a state's two digits, a PAN, a digit or letter, Z and a check digit."
    if gstin[:2] not in STATES:
        return f"A GSTIN begins with a state's code, and {gstin[:2]} is none."
    if check_digit(gstin[:14]) != gstin[14]:
        return "The GSTIN's check digit does not fit: a character is wrong or two are exchanged."
    return ""


def is_sac(code: str) -> bool:
    """Whether this can be a service accounting code: 99 and four digits."""
    return bool(_SAC.fullmatch(code))


def is_prefix(prefix: str) -> bool:
    """Whether numbers of a series can begin with this."""
    return bool(_PREFIX.fullmatch(prefix))


def financial_year(moment: datetime) -> str:
    """April to March in India, written 26-27."""
    local = moment.astimezone(INDIA)
    start = local.year if local.month >= 4 else local.year - 1
    return f"{start % 100:02d}-{(start + 1) % 100:02d}"


def place_name(code: str) -> str:
    """Maharashtra (27)."""
    return f"{STATES.get(code, 'Outside India')} ({code})"
