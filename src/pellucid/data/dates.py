"""Dates as people write them: `2024-01-31 12:30`, `31.01.2024`, `1/31/24`, `3 Jan 2024`.

In: the text of one cell, and whether the day or the month comes first where both could. Out:
microseconds since 1970 (UTC where the text names a zone), or None where the text is no date.

Years of two digits stand last; 69 to 99 are of the last century, as POSIX has it. A date that can
be read in one way only is read in that way, whatever the rest of its column says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

DAY_FIRST, MONTH_FIRST, COMPACT = "dmy", "mdy", "ymd"
FORMATS = (DAY_FIRST, MONTH_FIRST, COMPACT)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = (
    "january januar jan",
    "february februar feb",
    "march märz maerz mar mär mrz",
    "april apr",
    "may mai",
    "june juni jun",
    "july juli jul",
    "august aug",
    "september sep sept",
    "october oktober oct okt",
    "november nov",
    "december dezember dec dez",
)
_MONTHS = {name: i + 1 for i, names in enumerate(_NAMES) for name in names.split()}
_TIME = (
    r"(?:(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)[a-z]*\.?,?\s+)?"
_SHAPES = [
    re.compile(_WEEKDAY + date + _TIME, re.IGNORECASE | re.ASCII)
    for date in (
        r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<sep>[-/. ])(?P<second_>\d{1,2})(?P=sep)(?P<year>\d{4})",
        r"(?P<first>\d{1,2})(?P<sep>[-/])(?P<second_>\d{1,2})(?P=sep)(?P<year>\d{2})",
        r"(?P<first>\d{2})(?P<sep>\.)(?P<second_>\d{2})(?P=sep)(?P<year>\d{2})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[\s\-/]*(?P<name>[a-zä]{3,9})\.?[\s\-/,]+"
        r"(?P<year>\d{4}|\d{2})",
        r"(?P<name>[a-zä]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
        r"(?P<year>\d{4})-(?P<month>\d{2})(?P<day>)",
    )
]
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + _TIME, re.ASCII)


def parse(text: str, order: str = DAY_FIRST) -> int | None:
    """Microseconds since 1970 of the date in `text`; None where it is none.

    Args:
        order: whether 1/2 is the first of February ("dmy") or the second of January ("mdy"); with
            "ymd" 20240131 is a date too.
    """
    found = _match(text.strip(), order == COMPACT)
    if found is None:
        return None
    other = DAY_FIRST if order == MONTH_FIRST else MONTH_FIRST
    moment = _moment(found, order)
    return _moment(found, other) if moment is None else moment


def evidence(text: str) -> str:
    """Which order `text` speaks for; "?" where both read it, differently; "" where alike."""
    found = _match(text.strip(), False)
    if found is None or "first" not in found.re.groupindex:
        return ""
    day, month = _moment(found, DAY_FIRST), _moment(found, MONTH_FIRST)
    if day == month:
        return ""
    if day is None:
        return MONTH_FIRST
    return DAY_FIRST if month is None else "?"


def has_short_year(text: str) -> bool:
    found = _match(text.strip(), False)
    return found is not None and len(found["year"]) == 2


def has_zone(text: str) -> bool:
    found = _match(text.strip(), False)
    return found is not None and found["zone"] is not None


def _match(text: str, compact: bool) -> re.Match[str] | None:
    if not 5 < len(text) < 60 or not any(letter.isdigit() for letter in text[:12]):
        return None
    for shape in [*_SHAPES, _COMPACT] if compact else _SHAPES:
        found = shape.fullmatch(text)
        if found is not None:
            return found
    return None


def _moment(found: re.Match[str], order: str) -> int | None:
    part = {name: text for name, text in found.groupdict().items() if text}
    if "first" in part:
        day, month = part["first"], part["second_"]
        if order == MONTH_FIRST:
            day, month = month, day
    else:
        day, month = part.get("day", "1"), part.get("month", "0")
    if "name" in part:
        month = str(_MONTHS.get(part["name"].lower(), 0))
    year = int(part["year"])
    if len(part["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    hour = int(part.get("hour", 0))
    if "half" in part:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if part["half"][0] in "Pp" else 0)
    second = int(part.get("second", 0))
    micro = int(part.get("fraction", "0").ljust(6, "0")[:6])
    try:
        moment = datetime(
            year,
            int(month),
            int(day),
            hour,
            int(part.get("minute", 0)),
            min(second, 59),
            micro,
            UTC,
        )
        if second == 60:  # a leap second, which no calendar of ours has
            moment += timedelta(seconds=1)
        elif second > 60:
            return None
        moment -= _offset(part.get("zone", "Z"))
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _offset(zone: str) -> timedelta:
    if zone[0] not in "+-":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return size if zone[0] == "+" else -size
