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

import numpy as _np

from pellucid.core.errors import UnknownNameError, nearest
from pellucid.core.errors import meaning as _meaning
from pellucid.transform import namespace as _namespace
from pellucid.transform.elsewhere import NAMESPACE as _NAMESPACE
from pellucid.transform.namespace import *  # noqa: F403
from pellucid.transform.namespace import __all__ as __all__
from pellucid.transform.numpy_functions import FUNCTIONS as _FUNCTIONS
from pellucid.transform.numpy_functions import UFUNCS as _UFUNCS


def __getattr__(name: str) -> Any:
    hint = _meaning(name, _namespace.__all__, _NAMESPACE)
    if not hint and name in (*_UFUNCS, *_FUNCTIONS):
        hint = f"NumPy's own takes Tensors: np.{name}."
    elif not hint and hasattr(_np, name):  # no slip of the pen for another name
        hint = f"For arrays use np.{name}; it does not take Tensors."
    hint = hint or nearest(name, _namespace.__all__, _NAMESPACE)
    raise UnknownNameError("pellucid.numpy", f"there is no '{name}' here", hint)
