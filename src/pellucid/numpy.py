"""Functions on Tensors, arrays and numbers, in Array API spelling.

`pellucid.numpy.exp(x)` records a node under a transform and computes at once elsewhere. NumPy's own
functions do the same when they are given a Tensor.

Example:
    >>> import pellucid.numpy as pnp
    >>> pnp.softmax([0.0, 0.0])
    Tensor([0.5, 0.5], dtype=float32)
"""

from __future__ import annotations

from typing import Any

from pellucid.core.errors import UnknownNameError, nearest
from pellucid.transform import namespace as _namespace
from pellucid.transform.namespace import *  # noqa: F403
from pellucid.transform.namespace import __all__ as __all__


def __getattr__(name: str) -> Any:
    hint = nearest(name, _namespace.__all__)
    raise UnknownNameError("pellucid.numpy", f"there is no '{name}' here", hint)
