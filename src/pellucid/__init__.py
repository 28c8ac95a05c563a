"""Pellucid trains neural networks on a person's own data and shows every number that made them.

One computational graph serves both: what trains is what you step through, node by node, forward
and backward.

Example:
    >>> import pellucid as pel
    >>> x, y, z = pel.Tensor(3.0), pel.Tensor(-5.0), pel.Tensor(2.0)
    >>> b = x * y + z
    >>> b.backward()
    >>> print(b.item(), x.grad, y.grad, z.grad)
    -13.0 -5.0 3.0 1.0
"""

from pellucid import data, nn, numpy, optim, testing
from pellucid.core.errors import (
    ArgumentError,
    CompileError,
    DataError,
    DivergenceError,
    DTypeError,
    GradientError,
    GraphError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.models import Sequential, load
from pellucid.train.callbacks import Callback
from pellucid.transform.custom import op
from pellucid.transform.grad import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from pellucid.transform.jit import jit
from pellucid.transform.numerical import numerical_grad
from pellucid.transform.show import show
from pellucid.transform.tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "ArgumentError", "Callback", "CompileError", "DTypeError", "DataError", "DivergenceError",
    "GradientError", "GraphError", "NotDifferentiableError", "PellucidError", "Sequential",
    "ShapeError", "Tensor", "data", "grad", "hessian", "hvp", "jacobian", "jit", "jvp", "load",
    "nn", "numerical_grad", "numpy", "op", "optim", "show", "testing", "value_and_grad", "vjp",
]  # fmt: skip
