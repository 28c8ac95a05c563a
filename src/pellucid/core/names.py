"""Names that are not there: of a module, or of an object, answered by what to write.

In: the names that are known, and what those of other libraries mean. Out: a `__getattr__` that
raises the one-form error. It is still an AttributeError, so `hasattr` says no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
        raise UnknownNameError(where, f"there is no '{name}' here", nearest(name, words, elsewhere))

    return __getattr__


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
