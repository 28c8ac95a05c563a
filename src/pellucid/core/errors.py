"""The errors a person sees, and the one form of their message.

In: what was expected, what came, what to do. Out: an exception whose text reads

    [where] what was expected, what was got. At user line. What to do.

Nothing else in the package formats an error message.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from pellucid.core.forks import importing

MAX_MESSAGE = 1000  # characters of a problem; of a longer one the middle is left out
_MAX_NAME = 100  # characters of a name that is compared with known ones

# As frames spell it: not resolved. pathlib would cost 8 ms of every import.
PACKAGE_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep


def user_line() -> str | None:
    """The first frame outside the package and NumPy, as `file.py:12`; None where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE_FOLDER) and not name.startswith("<"):
            module = frame.f_globals.get("__name__")
            if not (isinstance(module, str) and module.startswith("numpy.")):
                return f"{name.replace(chr(92), '/').rsplit('/', 1)[-1]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None


def nearest(name: object, known: Iterable[object]) -> str:
    """A hint that names the known word closest to `name`, and all of them when they are few."""
    with importing:
        import difflib  # only a mistake pays for it

    words = [str(word) for word in known]
    close = difflib.get_close_matches(str(name)[:_MAX_NAME], words, n=1, cutoff=0.5)
    hint = f"Did you mean '{close[0]}'?" if close else ""
    if not close or len(words) <= 12:
        hint = f"{hint} Known: {', '.join(words) or 'none'}.".strip()
    return hint


class PellucidError(Exception):
    """Base of every error that Pellucid raises on purpose.

    Args:
        where: the part that refuses, with the user's own name: `dense "hidden"`.
        problem: what was expected and what came, without a final full stop; the middle of a long
            one is left out.
        fix: what to do, one or two full sentences.
        line: the user's source line; by default the first frame outside the package.
    """

    def __init__(self, where: str, problem: str, fix: str = "", *, line: str | None = None):
        problem = _bounded(" ".join(problem.split()))  # an array that came takes several lines
        self.where, self.problem, self.fix = where, problem, fix
        self.line = line or user_line()
        parts = [f"[{where}] {problem.rstrip('.')}."]
        if self.line:
            parts.append(f"At {self.line}.")
        if fix:
            parts.append(fix)
        super().__init__(" ".join(parts))

    @property
    def short(self) -> str:
        """The message without the user's line, for where there is no user's code."""
        return " ".join(f"[{self.where}] {self.problem.rstrip('.')}. {self.fix}".split())

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.where, self.problem, self.fix, self.line))


def _bounded(text: str) -> str:
    """`text` without its middle where it is long: what came may be a graph or a whole file."""
    if len(text) <= MAX_MESSAGE:
        return text
    half = MAX_MESSAGE // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} … ({left_out:,} characters left out) … {text[-half:]}"


def _rebuild(
    kind: type[PellucidError], where: str, problem: str, fix: str, line: str | None
) -> PellucidError:
    return kind(where, problem, fix, line=line)


class ShapeError(PellucidError, ValueError):
    """A shape that does not fit; the message names both shapes."""


class DTypeError(PellucidError, TypeError):
    """A dtype that an operation, a layer or a file does not take."""


class GraphError(PellucidError):
    """A graph that is not well formed, or Python that cannot be traced into one."""


class NotDifferentiableError(PellucidError):
    """A derivative was asked of an operation that has none; the message says why."""


class GradientError(PellucidError, AssertionError):
    """A derivative that differences do not confirm."""


class CompileError(PellucidError):
    """A graph that the native engine cannot turn into machine code."""


class DataError(PellucidError, ValueError):
    """Data or a file whose content cannot be used."""


class ArgumentError(PellucidError, TypeError):
    """An argument that is unknown, missing, or outside what it may be."""


class UnknownNameError(PellucidError, AttributeError):
    """An attribute that an object or a module has not; the message names the nearest."""


class TooLargeError(PellucidError, MemoryError):
    """A tensor that does not fit into memory."""


class MissingPackageError(PellucidError, ImportError):
    """A package that only this needs is not installed; the message says how to get it."""


class DivergenceError(PellucidError, ArithmeticError):
    """Training met a loss that is not finite; the last finite weights are kept."""
