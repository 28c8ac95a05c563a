"""The array namespace `xp` that rows compute in: NumPy, and what the Array API lacks.

In: arrays and row attributes. Out: arrays. `NUMPY` is the reference namespace; a function here has
the meaning that the row's documentation gives it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.core.dtypes import DType
from pellucid.core.errors import DataError, ShapeError
from pellucid.core.quantile import CENTRE, MIDDLE, TAIL, stream_hash

Array = NDArray[Any]
Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

ORDER = "order"  # the stream that the order of a run's rows draws from
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_PART = 1 << 14  # random elements that are drawn together, a multiple of 4


@lru_cache
def numpy_dtype(dtype: DType) -> np.dtype[Any]:
    return np.dtype(dtype.name)


def contract(x: Array, y: Array, batch: Pairs, summed: Pairs) -> Array:
    """Σ over `summed` of x·y with `batch` axes in step, through one (batched) matrix product."""
    if not batch and len(summed) == 1 and x.ndim == 2 and y.ndim == 2:
        ((i, j),) = summed
        result: Array = (x if i else x.T) @ (y.T if j else y)
        return result
    left, x_shape = _matrix(x, [i for i, _ in batch], [i for i, _ in summed], last=True)
    right, y_shape = _matrix(y, [j for _, j in batch], [j for _, j in summed], last=False)
    shape = tuple(x.shape[i] for i, _ in batch) + x_shape + y_shape
    product: Array = np.matmul(left, right)
    return product.reshape(shape)


def _matrix(
    x: Array, batch: list[int], summed: list[int], last: bool
) -> tuple[Array, tuple[int, ...]]:
    free = [i for i in range(x.ndim) if i not in batch and i not in summed]
    shape = tuple(x.shape[i] for i in free)
    rows, columns = math.prod(shape), math.prod(x.shape[i] for i in summed)
    order, size = ((free + summed), (rows, columns)) if last else ((summed + free), (columns, rows))
    return x.transpose(batch + order).reshape(tuple(x.shape[i] for i in batch) + size), shape


def erf(x: Array) -> Array:
    """The error function, by the C library's double-precision one."""
    values = np.frompyfunc(math.erf, 1, 1)(np.asarray(x, np.float64))
    return np.asarray(values, dtype=np.asarray(x).dtype)


def power(x: Array, y: Array) -> Array:
    """x to the power y as C has it, for one exponent as for many.

    For the exponent ½ alone NumPy takes the square root, which differs at -inf and -0.0.
    """
    result = np.power(x, y)
    if np.size(y) == 1 and np.all(y == 0.5):
        result = np.where(np.isneginf(x), np.abs(x), result) + np.zeros((), result.dtype)
    return np.asarray(result)


def total(x: Array, axis: Ints | int | None = None, keepdims: bool = False) -> Array:
    """The sum in the dtype of x; NumPy's would widen small integers."""
    return np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


def extreme(name: str) -> Any:
    """max, min or argmax that refuses to choose among nothing (N = 0 is known only here)."""
    choose = getattr(np, name)

    def chosen(x: Array, axis: int | Ints | None = None, keepdims: bool = False) -> Array:
        over = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        lengths = [x.shape[i] for i in over]
        if 0 in lengths:
            raise ShapeError(name, f"x must have an element to choose from, got shape {x.shape}")
        return choose(x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    return chosen


def getitem(x: Array, start: Ints, stop: Ints, step: Ints) -> Array:
    result: Array = x[tuple(map(slice, start, stop, step))]
    return result


def pad(x: Array, value: Array, low: Ints, high: Ints, interior: Ints) -> Array:
    """x with `value` around it, and `interior` of it between neighbours."""
    sizes, inside = [], []
    for n, before, after, between in zip(x.shape, low, high, interior, strict=True):
        extent = max(0, n + max(0, n - 1) * between)
        sizes.append(before + extent + after)
        inside.append(slice(before, before + extent, between + 1))
    out = np.full(sizes, value, x.dtype)
    out[tuple(inside)] = x
    return out


def windows(x: Array, axes: Ints, size: Ints, stride: Ints, dilation: Ints) -> Array:
    """A read-only view: window counts at `axes`, the elements of a window in new last axes."""
    shape, strides = list(x.shape), list(x.strides)
    inner = []
    for axis, k, s, d in zip(axes, size, stride, dilation, strict=True):
        shape[axis] = max(0, (x.shape[axis] - (k - 1) * d - 1) // s + 1)
        inner.append(x.strides[axis] * d)
        strides[axis] = x.strides[axis] * s
    return np.lib.stride_tricks.as_strided(x, (*shape, *size), (*strides, *inner), writeable=False)


def fold(x: Array, axes: Ints, size: Ints, stride: Ints, dilation: Ints, lengths: Ints) -> Array:
    """The transpose of `windows`: adds each element of each window back to its place."""
    rank = x.ndim - len(axes)
    shape = list(x.shape[:rank])
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    out = np.zeros(shape, x.dtype)
    for inside in np.ndindex(*size):
        place = [slice(None)] * rank
        for axis, offset, s, d in zip(axes, inside, stride, dilation, strict=True):
            place[axis] = slice(offset * d, offset * d + s * (x.shape[axis] - 1) + 1, s)
            if x.shape[axis] == 0:
                place[axis] = slice(0, 0)
        out[tuple(place)] += x[(..., *inside)]
    return out


def _check_indices(where: str, indices: Array, length: int) -> None:
    indices = np.asarray(indices)
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise DataError(where, f"indices must lie in [0, {length}), got {int(bad)}")


def gather(x: Array, indices: Array, axis: int) -> Array:
    _check_indices("gather", indices, x.shape[axis])
    return np.take(x, np.asarray(indices).astype(np.intp), axis=axis)  # uint64 too


def scatter_add(x: Array, indices: Array, updates: Array, axis: int) -> Array:
    _check_indices("scatter_add", indices, x.shape[axis])
    out = x.copy()
    place: Any = (slice(None),) * axis + (np.asarray(indices).astype(np.intp),)
    np.add.at(out, place, updates)
    return out


def argsort(x: Array) -> Array:
    return np.argsort(x, axis=-1, kind="stable").astype(np.int64, copy=False)


def one_hot(indices: Array, depth: int, dtype: DType) -> Array:
    places = np.arange(depth, dtype=np.int64)
    result: Array = np.equal(np.asarray(indices)[..., None], places).astype(numpy_dtype(dtype))
    return result


def iota(shape: Ints, axis: int, dtype: DType) -> Array:
    along = np.arange(shape[axis], dtype=numpy_dtype(dtype))
    return np.broadcast_to(along.reshape((-1,) + (1,) * (len(shape) - axis - 1)), shape)


def philox(counter: Sequence[Array], key: tuple[int, int]) -> list[Array]:
    """Philox-4x32-10: four words of uint32 (held in uint64) for each counter of four words.

    Source: Salmon et al. 2011; constants from the authors' Random123.
    """
    x0, x1, x2, x3 = (np.array(word, dtype=np.uint64) for word in counter)
    key0, key1 = key
    m0, m1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
    for _ in range(10):
        product0, product1 = x0 * m0, x2 * m1
        x0 = (product1 >> _SHIFT) ^ x1 ^ np.uint64(key0)
        x2 = (product0 >> _SHIFT) ^ x3 ^ np.uint64(key1)
        x1, x3 = product1 & _MASK, product0 & _MASK
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return [x0, x1, x2, x3]


def stream_words(seed: Any, step: Any, stream: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The two words of the counter that a step gives, and the key of a stream."""
    seed, step = int(seed), int(step)
    if seed < 0 or step < 0:
        raise DataError("random", f"seed and step must be ≥ 0, got {seed} and {step}")
    key = (seed & 0xFFFFFFFF, stream_hash(stream) ^ (seed >> 32))
    return (step & 0xFFFFFFFF, step >> 32), key


def words(seed: Any, step: Any, stream: str, stop: int, start: int = 0) -> NDArray[np.uint32]:
    """The random words `start` to `stop` of (seed, stream, step).

    Word e is word e mod 4 of block e ÷ 4.
    """
    step_words, key = stream_words(seed, step, stream)
    blocks = np.arange(start // 4, -(-stop // 4), dtype=np.uint64)
    high = np.zeros_like(blocks)
    counter = [blocks & _MASK, blocks >> _SHIFT, *(high + word for word in step_words)]
    drawn = np.stack(philox(counter, key), axis=-1).astype(np.uint32).reshape(-1)
    return drawn[start % 4 :][: stop - start]


def _drawn(shape: Ints, dtype: Any, make: Callable[[int, int], Array], first: Any) -> Array:
    """An array from `make(start, stop)` of its elements, a few at a time: they stay in the cache.

    The first one is element `first` of its stream.

    So what is computed on the way takes no memory beside the result.
    """
    n, begin = math.prod(shape), int(first)
    if begin < 0:
        raise DataError("random", f"first must be ≥ 0, got {begin}")
    out = np.empty(n, dtype)
    for start in range(0, max(n, 1), _PART):  # of none too: `make` looks at its seed
        stop = min(start + _PART, n)
        out[start:stop] = make(begin + start, begin + stop)
    return out.reshape(shape)


def random_bits(seed: Any, step: Any, stream: str, shape: Ints, first: Any = 0) -> Array:
    def make(start: int, stop: int) -> Array:
        return words(seed, step, stream, stop, start)

    return _drawn(shape, np.uint32, make, first)


def _bits52(seed: Any, step: Any, stream: str, start: int, stop: int) -> NDArray[np.uint64]:
    pair = words(seed, step, stream, 2 * stop, 2 * start).astype(np.uint64).reshape(-1, 2)
    return (pair[:, 0] >> np.uint64(6)) << np.uint64(26) | (pair[:, 1] >> np.uint64(6))


def uniform(seed: Any, step: Any, stream: str, shape: Ints, dtype: DType, first: Any = 0) -> Array:
    """k·2⁻²⁴ with 24 random bits (float32), k·2⁻⁵³ with 53 (float64): exact, never 1."""

    def single(start: int, stop: int) -> Array:
        bits = words(seed, step, stream, stop, start) >> np.uint32(8)
        return bits.astype(np.float32) * np.float32(2.0**-24)

    def double(start: int, stop: int) -> Array:
        pair = words(seed, step, stream, 2 * stop, 2 * start).astype(np.uint64).reshape(-1, 2)
        bits53 = (pair[:, 0] >> np.uint64(5)) << np.uint64(26) | (pair[:, 1] >> np.uint64(6))
        return bits53.astype(np.float64) * 2.0**-53

    make = single if dtype.name == "float32" else double
    return _drawn(shape, numpy_dtype(dtype), make, first)


def _rational(table: tuple[tuple[float, ...], tuple[float, ...]], r: Array) -> Array:
    top, bottom = table
    above, below = np.full_like(r, top[-1]), np.full_like(r, bottom[-1])
    for a, b in zip(top[-2::-1], bottom[-2::-1], strict=True):
        above, below = above * r + a, below * r + b
    return above / below


def _log(x: Array) -> Array:
    """ln x for 0 < x < 1 from + − × ÷ alone: 2·artanh((m-1)/(m+1)) + e·ln 2, error below 2 ulp."""
    mantissa, exponent = np.frexp(x)  # reads the bits; nothing is rounded
    small = mantissa < math.sqrt(0.5)
    mantissa = np.where(small, mantissa * 2, mantissa)
    power = exponent - small
    s = (mantissa - 1) / (mantissa + 1)
    square = s * s
    series = np.full_like(s, 1 / 25)
    for odd in range(23, 0, -2):
        series = series * square + 1 / odd
    result: Array = power * 0.6931471805599453 + 2 * s * series
    return result


def quantile(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The normal quantile of (k + ½)·2⁻⁵² for 52-bit integers k, in a fixed order of + − × ÷ √."""
    p = (bits.astype(np.float64) + 0.5) * 2.0**-52
    q = p - 0.5
    central = np.abs(q) <= 0.425
    r = np.sqrt(-_log(np.minimum(p, 1.0 - p)))
    outer = np.where(r <= 5.0, _rational(MIDDLE, r - 1.6), _rational(TAIL, r - 5.0))
    inner = q * _rational(CENTRE, 0.180625 - q * q)
    return np.where(central, inner, np.where(q < 0, -outer, outer))


def normal(seed: Any, step: Any, stream: str, shape: Ints, dtype: DType, first: Any = 0) -> Array:
    def make(start: int, stop: int) -> Array:
        return quantile(_bits52(seed, step, stream, start, stop))

    return _drawn(shape, numpy_dtype(dtype), make, first)


_PLAIN = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "tanh",
    "abs",
    "sign",
    "floor",
    "round",
    "sin",
    "cos",
    "maximum",
    "minimum",
    "where",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_not",
    "isfinite",
    "copy",
    "reshape",
    "permute_dims",
    "broadcast_to",
    "flip",
    "concat",
)


class _Namespace(SimpleNamespace):
    """What rows need, and NumPy's own functions for a person's operations."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


NUMPY = _Namespace(
    **{name: getattr(np, name) for name in _PLAIN},
    pow=power,
    astype=lambda x, dtype: np.asarray(x).astype(numpy_dtype(dtype)),
    full=lambda shape, value, dtype: np.full(shape, value, numpy_dtype(dtype)),
    size=lambda x, axis: np.asarray(x.shape[axis], np.int64),
    sum=total,
    max=extreme("max"),
    min=extreme("min"),
    argmax=extreme("argmax"),
    contract=contract,
    erf=erf,
    getitem=getitem,
    pad=pad,
    windows=windows,
    fold=fold,
    gather=gather,
    scatter_add=scatter_add,
    argsort=argsort,
    one_hot=one_hot,
    iota=iota,
    random_bits=random_bits,
    uniform=uniform,
    normal=normal,
)
