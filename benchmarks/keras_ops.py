"""keras.ops of the door beside Keras's: the cases of tests/keras/test_ops.py and their values.

Run in an environment with Keras on JAX: `KERAS_BACKEND=jax python benchmarks/keras_ops.py`. It
prints the largest difference of each case from Keras, relative to the largest number, and writes
Keras's values to tests/keras/ops_values.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).parents[1] / "tests/keras/ops_values.json"
RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return RNG.normal(size=shape).astype("float32").round(3)


X, Y, W = drawn(3, 4), drawn(3, 4), drawn(4, 2)
UNIT = (1 / (1 + np.exp(-X))).astype("float32").round(3)  # in (0, 1)
CUBE, IMAGES, LONG = drawn(2, 3, 4), drawn(2, 4, 4, 2), drawn(2, 7, 3)
HOLES = X.copy()
HOLES[0, 1] = HOLES[2, 3] = np.nan
ENDS = X.copy()
ENDS[0, 0], ENDS[1, 1], ENDS[2, 2] = np.inf, -np.inf, np.nan
ZEROS = np.where(X > 0, X, 0).astype("float32")
ROW, EDGES = drawn(5), np.array([-1.0, 0.0, 0.7], "float32")
CODES = np.array([[0, 2], [1, 1], [3, 0]])
ROWS3 = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]], "float32")
TRUTH = X > 0

ELEMENTWISE = (
    *("exp", "expm1", "sqrt", "log", "log1p", "log2", "log10", "square", "abs", "absolute"),
    *("negative", "sign", "sin", "cos", "tan", "tanh", "sinh", "cosh", "floor", "ceil", "erf"),
    *("reciprocal", "rsqrt", "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "exp2", "fabs"),
    *("trunc", "sinc", "signbit", "cbrt", "deg2rad", "rad2deg", "conj", "real", "copy", "ravel"),
    *("zeros_like", "ones_like", "sigmoid", "softplus", "softsign", "silu", "relu6", "relu"),
    *("hard_sigmoid", "hard_silu", "log_sigmoid", "selu", "softmax", "log_softmax", "gelu"),
    *("celu", "elu", "glu", "hard_shrink", "hard_tanh", "leaky_relu", "soft_shrink"),
    *("sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink", "normalize"),
    *("fliplr", "flipud", "isreal", "round", "stop_gradient"),
)
PAIRS = (
    *("add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "not_equal", "less"),
    *("greater", "less_equal", "greater_equal", "arctan2", "hypot", "logaddexp", "logaddexp2"),
    *("true_divide", "fmax", "fmin", "heaviside", "vdot", "mod", "fmod", "floor_divide"),
)
REDUCTIONS = (
    *("sum", "mean", "prod", "max", "min", "var", "std", "amax", "amin", "median", "ptp"),
    *("logsumexp", "nanmax", "nanmin", "nanmean", "nanprod", "nanstd", "nansum", "nanvar"),
)
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *((name, (UNIT,), {}) for name in ELEMENTWISE),
    *((name, (X,), {}) for name in ("elu", "celu", "leaky_relu", "trunc", "cbrt", "sign", "relu")),
    ("arccosh", (UNIT + 1,), {}),
    *((name, (X, Y), {}) for name in PAIRS),
    *((name, (HOLES if "nan" in name else X,), {"axis": 1}) for name in REDUCTIONS),
    *((name, (HOLES if "nan" in name else X,), {"keepdims": True}) for name in REDUCTIONS),
    ("elu", (X,), {"alpha": 0.5}),
    ("celu", (X,), {"alpha": 0.5}),
    ("leaky_relu", (X,), {"negative_slope": 0.3}),
    ("hard_shrink", (X,), {"threshold": 0.3}),
    ("soft_shrink", (X,), {"threshold": 0.3}),
    ("threshold", (X, 0.2, -1.0), {}),
    ("squareplus", (X,), {"b": 2}),
    ("glu", (CUBE,), {"axis": -1}),
    ("gelu", (X,), {"approximate": False}),
    ("power", (UNIT, Y), {}),
    ("fmax", (HOLES, Y), {}),
    ("fmin", (Y, HOLES), {}),
    ("divide_no_nan", (Y, ZEROS), {}),
    ("ldexp", (X, CODES[:, :1] + np.zeros((1, 4), int)), {}),
    ("logical_and", (TRUTH, Y > 0), {}),
    ("logical_or", (TRUTH, Y > 0), {}),
    ("logical_xor", (TRUTH, Y > 0), {}),
    ("logical_not", (TRUTH,), {}),
    ("any", (TRUTH,), {"axis": 1}),
    ("all", (TRUTH,), {"axis": 0}),
    ("count_nonzero", (ZEROS,), {"axis": 1}),
    *((name, (ENDS,), {}) for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf")),
    ("nan_to_num", (ENDS,), {"nan": 1.0, "posinf": 2.0, "neginf": -2.0}),
    ("isclose", (X, X + np.float32(1e-6)), {}),
    ("isclose", (ENDS, ENDS), {"equal_nan": True}),
    ("allclose", (X, Y), {}),
    ("average", (X,), {"axis": 1}),
    ("average", (X,), {"axis": 1, "weights": np.array([1.0, 2.0, 3.0, 4.0], "float32")}),
    ("quantile", (X, 0.3), {"axis": 1}),
    ("percentile", (X, 30), {"axis": 1, "keepdims": True}),
    ("norm", (X,), {"axis": 1}),
    ("norm", (X,), {}),
    ("norm", (X,), {"ord": 1, "axis": 1}),
    ("norm", (X,), {"ord": np.inf, "axis": 1, "keepdims": True}),
    ("norm", (CUBE,), {"ord": "fro", "axis": (1, 2)}),
    ("cumsum", (X,), {"axis": 1}),
    ("cumprod", (X,), {"axis": 1}),
    ("cumprod", (X,), {}),
    ("nancumsum", (HOLES,), {"axis": 1}),
    ("nancumprod", (HOLES,), {"axis": 1}),
    ("sort", (X,), {}),
    ("argsort", (X,), {"axis": 1}),
    ("argmax", (X,), {"axis": 1}),
    ("argmin", (X,), {"axis": 1}),
    ("searchsorted", (EDGES, ROW), {"side": "right"}),
    ("searchsorted", (EDGES, ROW), {}),
    ("digitize", (X, EDGES), {}),
    ("isin", (CODES, np.array([0, 3])), {}),
    ("isin", (CODES, np.array([0, 3])), {"invert": True}),
    ("broadcast_to", (ROW, (3, 5)), {}),
    ("pad", (X, ((0, 0), (1, 2))), {}),
    ("pad", (X, 1), {"constant_values": 3.0}),
    ("pad", (X, ((0, 0), (1, 2))), {"mode": "reflect"}),
    ("pad", (X, ((0, 0), (1, 2))), {"mode": "symmetric"}),
    ("tile", (X, (1, 2)), {}),
    ("repeat", (X, 2), {"axis": 1}),
    ("rot90", (CUBE,), {"axes": (1, 2)}),
    ("tril", (CUBE,), {}),
    ("triu", (CUBE,), {"k": 1}),
    ("diag", (ROW,), {}),
    ("diagonal", (CUBE,), {"axis1": 1, "axis2": 2}),
    ("trace", (CUBE,), {"axis1": 1, "axis2": 2}),
    ("diff", (X,), {"axis": 1}),
    ("clip", (X, -0.5, 0.5), {}),
    ("where", (TRUTH, X, Y), {}),
    ("matmul", (X, W), {}),
    ("dot", (X, W), {}),
    ("einsum", ("ij,jk->ik", X, W), {}),
    ("tensordot", (CUBE, W), {"axes": 1}),
    ("inner", (X, Y), {}),
    ("outer", (ROW, ROW), {}),
    ("kron", (X, W), {}),
    ("cross", (X[:, :3], Y[:, :3]), {}),
    ("take", (X, np.array([2, 0])), {"axis": 1}),
    ("take_along_axis", (X, CODES), {"axis": 1}),
    ("select", ([X > 1, X > 0], [X, -X], 7.0), {}),
    ("full_like", (X, 2.5), {}),
    ("slice", (X, (0, 1), (3, 2)), {}),
    ("slice_update", (X, (0, 1), Y[:, :2]), {}),
    ("append", (X, Y), {"axis": 1}),
    ("concatenate", ([X, Y],), {"axis": 1}),
    ("stack", ([X, Y],), {"axis": 1}),
    ("hstack", ([X, Y],), {}),
    ("vstack", ([X, Y],), {}),
    ("reshape", (X, (3, 2, 2)), {}),
    ("transpose", (CUBE,), {"axes": (0, 2, 1)}),
    ("swapaxes", (CUBE, 1, 2), {}),
    ("moveaxis", (CUBE, 1, 2), {}),
    ("expand_dims", (X, 1), {}),
    ("squeeze", (X[:, None], 1), {}),
    ("flip", (X,), {"axis": 1}),
    ("roll", (X, 1), {"axis": 1}),
    ("trapezoid", (X,), {}),
    ("trapezoid", (X,), {"x": np.array([0.0, 1.0, 3.0, 4.0], "float32")}),
    ("vander", (ROW,), {"N": 3}),
    ("space_to_depth", (IMAGES, 2), {}),
    ("depth_to_space", (np.concatenate([IMAGES, IMAGES], axis=-1), 2), {}),
    ("psnr", (UNIT, UNIT[::-1].copy(), 1.0), {}),
    ("get_item", (X, (slice(None), 1)), {}),
    ("split", (X, 2), {"axis": 1}),
    ("split", (X, [1, 3]), {"axis": 1}),
    ("array_split", (X, 3), {"axis": 1}),
    ("hsplit", (X, 2), {}),
    ("vsplit", (X, 3), {}),
    ("dsplit", (CUBE, 2), {}),
    ("unstack", (X,), {"axis": 1}),
    ("moments", (CUBE,), {"axes": [1]}),
    ("moments", (CUBE,), {"axes": [1, 2], "keepdims": True}),
    ("top_k", (X, 2), {}),
    ("meshgrid", (ROW, EDGES), {}),
    ("meshgrid", (ROW, EDGES), {"indexing": "ij"}),
    ("one_hot", (CODES, 4), {}),
    ("multi_hot", (CODES,), {"num_classes": 4}),
    ("in_top_k", (np.array([1, 3, 0]), X), {"k": 2}),
    ("cast", (TRUTH, "float32"), {}),
    ("conv", (LONG, drawn(3, 3, 5)), {"strides": 2, "padding": "same"}),
    ("conv", (IMAGES, drawn(2, 3, 2, 5)), {}),
    ("conv", (IMAGES, drawn(3, 3, 1, 4)), {"padding": "same"}),
    ("depthwise_conv", (IMAGES, drawn(3, 3, 2, 2)), {"padding": "same"}),
    ("separable_conv", (IMAGES, drawn(3, 3, 2, 2), drawn(1, 1, 4, 3)), {}),
    ("conv_transpose", (IMAGES, drawn(3, 3, 5, 2)), {"strides": 2, "padding": "same"}),
    ("max_pool", (IMAGES, 2), {"strides": 2}),
    ("max_pool", (LONG, 3), {"strides": 2, "padding": "same"}),
    ("average_pool", (IMAGES, (2, 3)), {"strides": 1, "padding": "same"}),
    ("adaptive_average_pool", (IMAGES, (3, 2)), {}),
    ("adaptive_average_pool", (LONG, 4), {}),
    ("adaptive_max_pool", (IMAGES, (3, 2)), {}),
    ("batch_normalization", (X, ROW[:4], UNIT[0], -1), {"scale": Y[0], "offset": Y[1]}),
    ("layer_normalization", (X,), {"gamma": Y[0], "beta": Y[1], "epsilon": 0.01}),
    ("layer_normalization", (X,), {}),
    ("rms_normalization", (X,), {"scale": Y[0]}),
    ("binary_crossentropy", (ROWS3, UNIT), {}),
    ("binary_crossentropy", (ROWS3, X), {"from_logits": True}),
    ("categorical_crossentropy", (ROWS3, UNIT), {}),
    ("categorical_crossentropy", (ROWS3, X), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (np.array([0, 2, 1]), X), {"from_logits": True}),
    ("zeros", ((2, 3),), {}),
    ("ones", ((2, 3),), {"dtype": "int32"}),
    ("full", ((2,), 3.5), {}),
    ("eye", (3,), {"k": 1}),
    ("identity", (3,), {}),
    ("tri", (3,), {"k": -1}),
    ("arange", (5,), {}),
    ("arange", (1.0, 2.0, 0.25), {}),
    ("linspace", (0, 1), {"num": 5, "endpoint": False}),
    ("logspace", (0, 2), {"num": 4, "base": 2}),
    ("geomspace", (1, 8), {"num": 4}),
    ("ndim", (X,), {}),
    ("size", (X,), {}),
    ("shape", (X,), {}),
]


def parts(found: Any) -> list[Any]:
    """Results as a list of arrays."""
    several = found if isinstance(found, (list, tuple)) else [found]
    return [np.asarray(one) for one in several]


def apart(theirs: Any, ours: Any) -> float:
    """The largest difference, relative to the largest number; NaN equals NaN."""
    worst = 0.0
    assert len(theirs) == len(ours), f"{len(theirs)} results are not {len(ours)}"
    for a, b in zip(theirs, ours, strict=True):
        assert a.shape == b.shape, f"{a.shape} is not {b.shape}"
        a, b = a.astype(np.float64), b.astype(np.float64)
        equal = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.where(equal, 0.0, np.abs(a - b)) / max(np.abs(a[np.isfinite(a)]).max(initial=0), 1)
        worst = max(worst, float(gap.max(initial=0)))
    return worst


def main() -> None:
    import keras

    from pellucid.keras import ops

    stored = []
    for name, args, options in CASES:
        theirs = parts(getattr(keras.ops, name)(*args, **options))
        stored.append(
            [[list(one.shape), [float(f"{v:.7g}") for v in one.ravel()]] for one in theirs]
        )
        try:
            found = apart(theirs, parts(getattr(ops, name)(*args, **options)))
            print(f"{name:34} {found:.1e}" + (" <<<" if found > 2e-6 else ""))
        except Exception as error:
            print(f"{name:34} {type(error).__name__}: {str(error)[:150]} <<<")
    rounded = json.dumps(stored, default=str)
    TARGET.write_text(rounded.replace("], [[", "],\n[[") + "\n")


if __name__ == "__main__":
    main()
