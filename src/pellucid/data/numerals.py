"""Numbers as people write them: `1.234,56`, `$1,000`, `10 %`, `(12)`, `1 234`, `1e5`.

In: the text of one cell, and which mark stands before the decimals. Out: a float, or None where the
text is no number under that mark. What a whole column of texts says about the mark is weighed in
kinds.py.

A thousands separator is read only where it stands before groups of three digits (or of two, then
three, as in India): 1,5 is never fifteen. Per cent divides by 100; brackets around a sum of money
are a minus. Digits are 0 to 9.
"""

from __future__ import annotations

import math
import re

POINT, COMMA = ".", ","
FORMATS = {"1,234.5": POINT, "1.234,5": COMMA}  # how a person writes the mark; the first is default
EXACT = 2**53  # whole numbers up to here are floats

_CURRENCY = (
    r"(?:US\$|[$€£¥₹₽₩₺]|(?:USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|kr|Fr)\b\.?)"
)
_SPACES = " \u00a0\u2009\u202f'’"
_SHAPE = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-−])?\s*(?P<before>{_CURRENCY})?\s*(?P<late>[+\-−])?"
    rf"(?P<body>[0-9.,][0-9.,{_SPACES}]*)(?P<exponent>[eE][+\-]?[0-9]{{1,5}})?"
    rf"\s*(?P<part>[%‰])?\s*(?P<after>{_CURRENCY})?(?P<close>\))?"
)
_INFINITE = re.compile(r"([+\-−]?)(?:inf|infinity|∞)", re.IGNORECASE)
_PARTS = {None: 0, "%": -2, "‰": -3}


def _body(mark: str, other: str) -> re.Pattern[str]:
    mark, other = re.escape(mark), re.escape(other)
    groups = (
        rf"[1-9][0-9]{{0,2}}(?P<between>[{other}{_SPACES}])[0-9]{{3}}(?:(?P=between)[0-9]{{3}})*"
    )
    indian = rf"[1-9][0-9]?(?:{other}[0-9]{{2}})+{other}[0-9]{{3}}"
    return re.compile(
        rf"(?P<whole>[0-9]+|{groups}|{indian})(?:{mark}(?P<decimals>[0-9]*))?"
        rf"|{mark}(?P<alone>[0-9]+)"
    )


_BODIES = {POINT: _body(POINT, COMMA), COMMA: _body(COMMA, POINT)}
_NOT_DIGITS = re.compile("[^0-9]")


def parse(text: str, mark: str = POINT) -> float | None:
    """The number that `text` is with decimals after `mark`; None where it is none.

    A number beyond what a float64 holds is none; `inf` is one.
    """
    text = text.strip()
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        infinite = _INFINITE.fullmatch(text)
        return None if infinite is None else math.inf * (-1 if infinite[1] in ("-", "−") else 1)
    body = _BODIES[mark].fullmatch(shape["body"].rstrip(_SPACES))
    signs = [sign for sign in (shape["sign"], shape["late"]) if sign]
    if body is None or len(signs) > 1 or bool(shape["open"]) != bool(shape["close"]):
        return None
    whole = _NOT_DIGITS.sub("", body["whole"] or "")
    power = int((shape["exponent"] or "e0")[1:]) + _PARTS[shape["part"]]
    number = float(f"{whole or 0}.{body['decimals'] or body['alone'] or 0}e{power}")
    if math.isinf(number):
        return None
    negative = bool(shape["open"]) != any(sign != "+" for sign in signs)
    return -number if negative else number


def evidence(text: str) -> str:
    """Which mark `text` speaks for: a mark; "" where both read it alike.

    "?," or "?." where they read it differently, as in 1,234 and 1.234.
    """
    point, comma = parse(text, POINT), parse(text, COMMA)
    if point == comma:
        return ""
    if point is None:
        return COMMA
    if comma is None:
        return POINT
    return "?," if COMMA in text else "?."


def is_whole(text: str) -> bool:
    """Whether `text` is an optional sign and digits."""
    return re.fullmatch(r"[+-]?[0-9]+", text.strip()) is not None


def shown(number: float) -> str:
    """The shortest text that reads back as this number; whole numbers without a point."""
    if abs(number) < EXACT and number == math.floor(number):
        return str(int(number)) if number or math.copysign(1, number) > 0 else "-0.0"
    return repr(float(number))
