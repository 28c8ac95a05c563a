"""llvmlite, imported at first use: `ir` builds modules, `binding` is the LLVM library itself.

Importing llvmlite takes 40 to 120 ms and it may be missing; `import pellucid` must feel neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pellucid.core.errors import CompileError

if TYPE_CHECKING:
    import llvmlite
    from llvmlite import binding, ir
else:

    class _Lazy:
        """A module that is imported when its first name is asked for."""

        def __init__(self, name: str):
            self._name = name

        def __getattr__(self, item: str) -> Any:
            if item.startswith("__") and item != "__version__":
                raise AttributeError(item)  # who looks at objects asks for these: no use of it
            try:
                value = getattr(importlib.import_module(self._name), item)
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
