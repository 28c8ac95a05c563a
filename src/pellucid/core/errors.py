"""The errors a person sees, and the one form of their message.

In: what was expected, what came, what to do. Out: an exception whose text reads

    [where] what was expected, what was got. At user line. What to do.

Nothing else in the package formats an error message.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from pellucid.core.forks import importing

MAX_MESSAGE = 1000  # characters of a problem; of a longer one the middle is left out
_SLIP = (
    0.8  # how alike a name and a mistyped one of another library are: input_dim is no output_dim
)
_MAX_NAME = 100  # characters of a name that is compared with known ones

# As frames spell it: not resolved. pathlib would cost 8 ms of every import.
PACKAGE_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep
# Python's own modules stand between a user and us where a `with`, an import or a thread is ours.
_PYTHON_FOLDER = os.path.dirname(os.__file__) + os.sep
_PASSED = ("numpy.", "jax.")  # what we call, and what calls us back


def user_line() -> str | None:
    """The user's frame as `file.py:12`; None where there is none.

    The first one outside the package, Python's own modules, NumPy and JAX.
    """
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((PACKAGE_FOLDER, "<")) and not _of_python(name):
            module = frame.f_globals.get("__name__")
            if not (isinstance(module, str) and module.startswith(_PASSED)):
                return f"{name.replace(chr(92), '/').rsplit('/', 1)[-1]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _of_python(name: str) -> bool:
    """Whether a file is of the standard library; packages may lie in a folder below it."""
    return name.startswith(_PYTHON_FOLDER) and "-packages" not in name[len(_PYTHON_FOLDER) :]


def nearest(
    name: object, known: Iterable[object], elsewhere: Mapping[str, str] | None = None
) -> str:
    """A hint: the known word that `name` means, or is closest to; all words where they are few.

    Args:
        known: the words that would have been right.
        elsewhere: for names of other libraries what they mean here: a known word, or what to do, in
            full sentences, with {name} for the name. Meaning goes before spelling: gelu is no
            mistyped relu.
    """
    with importing:
        import difflib  # only a mistake pays for it

    words = [str(word) for word in known]
    own, meanings = _read(words, elsewhere or {})
    sought = _letters(str(name)[:_MAX_NAME])
    spelled = {_letters(key): key for key in elsewhere or {}}
    foreign = difflib.get_close_matches(sought, meanings, n=1, cutoff=_SLIP)
    foreign += [one for one in meanings if len(sought) > 3 and one.startswith(sought)][:1]
    close = foreign + difflib.get_close_matches(sought, own, n=1, cutoff=0.55)
    close = difflib.get_close_matches(sought, close, n=1, cutoff=0.55)
    if close and close[0] in meanings:
        slip = "" if close[0] == sought else f"Did you mean '{spelled[close[0]]}'? "
        return slip + meanings[close[0]].replace("{name}", str(name))
    hint = f"Did you mean '{own[close[0]]}'?" if close else ""
    if not close or len(words) <= 12:
        hint = f"{hint} Known: {', '.join(words) or 'none'}.".strip()
    return hint


def meaning(name: str, known: Iterable[object], elsewhere: Mapping[str, str]) -> str:
    """What a name of another library means here, as in `nearest`; empty where it is none."""
    found = _read(map(str, known), elsewhere)[1].get(_letters(name), "")
    return found.replace("{name}", name)


def _read(
    words: Iterable[str], elsewhere: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Known words, and what other names mean among them, by the letters of both."""
    own: dict[str, str] = {}
    for word in words:
        own.setdefault(_letters(word), word)
    meanings = {}
    for key, value in elsewhere.items():
        ours = own.get(_letters(value))
        if ours is not None or value.endswith("."):
            meanings[_letters(key)] = value if ours is None else f"Here it is called '{ours}'."
    return own, meanings


def _letters(name: str) -> str:
    """A name as it is compared: MaxPool2d and max_pool_2D are one."""
    return "".join(letter for letter in name.lower() if letter.isalnum()) or name


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


class NotSeparableError(DataError):
    """No hyperplane separates two classes; `witness` proves it.

    `witness` (N,) has weights ≥ 0 that sum to 1 within each class: both classes' weighted means are
    the same point, which would lie on both sides.
    """

    def __init__(
        self,
        where: str,
        problem: str,
        fix: str = "",
        *,
        line: str | None = None,
        witness: object = None,
    ):
        super().__init__(where, problem, fix, line=line)
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        made, arguments = super().__reduce__()
        return made, arguments, {"witness": self.witness}


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
