"""llvmlite, imported at first use: `ir` builds modules, `binding` is the LLVM library itself.

Importing llvmlite takes 40 to 120 ms and it may be missing; `import pellucid` must feel neither.

Nothing may be raised inside a call of `binding`, nor while one of its objects is given up: llvmlite
is Python around C, and Ctrl-C at the wrong place has it free a string twice, or keep the lock that
all its calls take. So whoever calls it is a worker, where no handler of a signal runs, or stands
inside `signals.deferred`; and its objects die there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.core import forks
from pellucid.core.errors import CompileError

if TYPE_CHECKING:
    import llvmlite
    from llvmlite import binding, ir
else:

    def _guard_library() -> None:
        """Makes forks wait for the lock that llvmlite holds during each call of LLVM.

        A child made inside a call would find the lock held and LLVM's memory half changed.
        """
        lock = getattr(forks.load("llvmlite.binding.ffi").lib, "_lock", None)
        if lock is not None:
            forks.wait_for(lock)

    class _Lazy:
        """A module that is imported when its first name is asked for."""

        def __init__(self, name: str):
            self._name = name

        def __getattr__(self, item: str) -> Any:
            if item.startswith("__") and item != "__version__":
                raise AttributeError(item)  # who looks at objects asks for these: no use of it
            try:
                value = getattr(forks.load(self._name), item)
                if self._name == "llvmlite.binding":
                    _guard_library()
            except (ImportError, OSError, RuntimeError, AttributeError) as error:
                # Missing, built for another system, broken, or too old to have the item.
                raise CompileError(
                    "native",
                    f"llvmlite must be importable, got: {error}",
                    "Install it with: pip install llvmlite. The interpreter needs none.",
                ) from error
            setattr(self, item, value)
            return value

    llvmlite = _Lazy("llvmlite")
    ir = _Lazy("llvmlite.ir")
    binding = _Lazy("llvmlite.binding")

__all__ = ["binding", "ir", "llvmlite"]
