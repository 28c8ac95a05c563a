"""Questions of a lesson, whose answers the page checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError


@record
class Question:
    """A question whose answer a page checks.

    The answer stands in the file: who reads its source finds it.

    Args:
        ask: the question.
        answer: a number, a text, or several texts that are all right. Case and spaces of a text do
            not count.
        choices: texts to choose from; the answer is one of them.
        tolerance: how far a number may be off, ≥ 0.
        hint: what is said after a wrong answer.

    Raises:
        ArgumentError: for an answer that none of these describe.
    """

    ask: str
    answer: str | float | Sequence[str]
    choices: Sequence[str] = ()
    tolerance: float = 0.0
    hint: str = ""

    def __post_init__(self) -> None:
        where = "Question"
        as_text(where, "ask", self.ask, least=1)
        as_text(where, "hint", self.hint)
        real(where, "tolerance", self.tolerance, 0)
        choices = _texts("choices", self.choices)
        if isinstance(self.answer, (str, list, tuple)):
            right = [self.answer] if isinstance(self.answer, str) else list(self.answer)
            right = _texts("answer", right, least=1)
            if self.tolerance:
                raise ArgumentError(
                    where,
                    f"tolerance is for numbers, got the answer {self.answer!r}",
                    "Write the answer as a number, or leave tolerance out.",
                )
            missing = [one for one in right if one not in choices]
            if choices and missing:
                raise ArgumentError(
                    where,
                    f"the answer must be one of the choices, got {missing[0]!r}",
                    "Write it as it stands in choices.",
                )
        else:
            real(where, "answer", self.answer)
            if choices:
                raise ArgumentError(
                    where,
                    f"an answer among choices is a text, got {self.answer!r}",
                    f"Write {str(self.answer)!r}.",
                )

    def plain(self) -> dict[str, Any]:
        """What the page reads."""
        told: dict[str, Any] = {"ask": self.ask, "hint": self.hint, "choices": list(self.choices)}
        if isinstance(self.answer, (str, list, tuple)):
            return {
                **told,
                "texts": [self.answer] if isinstance(self.answer, str) else [*self.answer],
            }
        number = real("Question", "answer", self.answer)
        return {**told, "number": number, "tolerance": float(self.tolerance)}


def as_text(where: str, name: str, value: object, least: int = 0) -> str:
    """`value` as a text of at least so many characters beside spaces."""
    if not isinstance(value, str) or len(value.strip()) < least:
        raise ArgumentError(where, f"{name} must be a text, got {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            where, f"{name} must be a text that UTF-8 can hold, got {value!r}"
        ) from None
    return value


def _texts(name: str, given: Any, least: int = 0) -> list[str]:
    if not isinstance(given, (list, tuple)) or len(given) < least:
        raise ArgumentError("Question", f"{name} must be a list of texts, got {given!r}")
    return [as_text("Question", f"each of {name}", one, least=1) for one in given]
