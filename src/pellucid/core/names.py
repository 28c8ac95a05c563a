"""Names that are not there: of a module, or of an object, answered by what to write.

In: the names that are known, and what those of other libraries mean. Out: a `__getattr__` that
raises the one-form error. It is still an AttributeError, so `hasattr` says no; where a statement
`from module import name` asks, which would say "cannot import name" of an AttributeError, it is an
ImportError with the same words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from opcode import opmap
from types import FrameType
from typing import Any, NoReturn

from pellucid.core.errors import UnknownNameError, nearest


def unknown_names(
    where: str, known: Iterable[str], elsewhere: Mapping[str, str] | None = None
) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module.

    Args:
        elsewhere: what names of other libraries mean here: see `nearest`.
    """
    words = list(known)

    def __getattr__(name: str) -> NoReturn:
        if name.startswith("__"):  # Python asks for them at imports
            raise AttributeError(name)
        error = UnknownNameError(
            where, f"there is no '{name}' here", nearest(name, words, elsewhere)
        )
        if _imports(sys._getframe(1)):
            raise ImportError(str(error))
        raise error

    return __getattr__


def _imports(frame: FrameType) -> bool:
    """Whether a frame stands at the import of a name, after the search for a module of it."""
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def unknown_attribute(self: Any, name: str) -> Any:
    """The `__getattr__` of a class, whose `read` says what names of other libraries mean."""
    kind = type(self)
    if name.startswith("_"):  # protocols of others, asked for again and again
        raise AttributeError(name)
    if hasattr(kind, name):  # a property that failed in itself: its own error says more
        return object.__getattribute__(self, name)
    known = sorted({one for one in (*dir(kind), *vars(self)) if not one.startswith("_")})
    hint = nearest(name, known, getattr(kind, "read", None))
    raise UnknownNameError(kind.__name__, f"it has no attribute '{name}'", hint)
