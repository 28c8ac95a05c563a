"""What to write for functions that do not take Tensors.

In: nothing. Out: tables for `core.errors.nearest`. NumPy's name of a function is no slip of the pen
for another one, so here there is meaning alone: what stands in no table has no near relation.
"""

from __future__ import annotations

_INVERSES = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")

# NumPy's functions, as other ones that take Tensors.
FORMULAS = {
    "cbrt": "np.sign(x) * np.abs(x) ** (1 / 3)",
    "heaviside": "np.where(x > 0, 1.0, 0.0)",
    "isposinf": "np.isinf(x) & (x > 0)",
    "isneginf": "np.isinf(x) & (x < 0)",
    "trapezoid": "np.sum((x[1:] + x[:-1]) / 2)",
    "ediff1d": "np.diff(np.ravel(x))",
}

NUMPY = {
    **{name: f"Write {code}." for name, code in FORMULAS.items()},
    "cumulative_sum": "Write np.cumsum(x, axis).",
    "cumulative_prod": "Write np.cumprod(x, axis).",
    "matvec": "Write np.matmul(x, v).",
    "vecmat": "Write np.matmul(v, x).",
    "piecewise": "Write np.where(x < 0, below, above).",
    "choose": "Write np.where(condition, x, y).",
    "insert": "Write np.concatenate([x[:i], new, x[i:]]).",
    "delete": "Write np.concatenate([x[:i], x[i + 1:]]).",
    "cov": "Write d = x - np.mean(x, axis=1, keepdims=True); d @ d.T / (x.shape[1] - 1).",
    "polyval": "Write Horner's rule: (a * x + b) * x + c.",
}

# Methods and attributes of other libraries' tensors.
TENSOR = {
    "view": "reshape",
    "permute": "transpose",
    "unsqueeze": "Write x[:, None].",
    "clone": "copy",
    "cpu": "Leave it out: numbers stand in the memory of the CPU.",
    "cuda": "Leave it out: there is the CPU alone.",
    "device": "Leave it out: there is the CPU alone.",
    "requires_grad": "Leave it out: every Tensor of floats has a gradient.",
    "requires_grad_": "Leave it out: every Tensor of floats has a gradient.",
    "zero_grad": "Leave it out: backward() sets grad anew.",
    "sort": "Write np.sort(x): a Tensor does not change.",
    "argsort": "Write np.argsort(x).",
}

# Names that pellucid.numpy does not have: it has those of the Array API.
NAMESPACE = {
    **{name: f"Write {code}." for name, code in FORMULAS.items()},
    **{f"arc{name}": f"a{name}" for name in _INVERSES},
    "absolute": "abs",
    "fabs": "abs",
    "power": "pow",
    "concatenate": "concat",
    "cat": "concat",
    "true_divide": "divide",
    "mod": "remainder",
    "cumsum": "cumulative_sum",
    "cumprod": "cumulative_prod",
    "amax": "max",
    "amin": "min",
    "transpose": "permute_dims",
    "permute": "permute_dims",
    "tensor": "asarray",
    "expit": "sigmoid",
    "logistic": "sigmoid",
    "rint": "round",
    "around": "round",
    "norm": "vector_norm",
    "mm": "matmul",
    "bmm": "matmul",
    "unsqueeze": "expand_dims",
    "clamp": "clip",
    "detach": "stop_gradient",
    "convolve": "conv",
    "nonzero": "Write where(condition, x, 0), which keeps the shape.",
    "ravel": "Write reshape(x, (-1,)).",
    "flatten": "Write reshape(x, (-1,)).",
    "hsplit": "split",
    "vsplit": "split",
    "dsplit": "split",
    "array_split": "split",
    "vstack": "Write concat([x, y], axis=0).",
    "hstack": "Write concat([x, y], axis=1).",
}
