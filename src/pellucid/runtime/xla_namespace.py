"""The array namespace `xp` that rows compute in under XLA: jax.numpy, and what it lacks.

Each function has the meaning of its namesake in `extras.py`. They run while JAX traces, so none
can look at numbers: what a row must refuse is noted, and computed on the device with the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.dtypes import DType
from pellucid.core.errors import ShapeError
from pellucid.core.quantile import CENTRE, MIDDLE, TAIL, stream_hash
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.xla_device import jnp, lax

Array = Any
Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


class Namespace:
    """The namespace of one trace.

    Args:
        precision: None, products in the dtype of their factors; "bfloat16", those of float32 from
            factors rounded to bfloat16, with sums in float32.

    Attributes:
        refused: booleans on the device, one for each place where a row may refuse its numbers.
    """

    def __init__(self, precision: str | None = None):
        self._precision = precision
        self.refused: list[Array] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    def _refuse(self, indices: Array, length: int) -> None:
        if math.prod(indices.shape):
            self.refused.append(jnp.any((indices < 0) | (indices >= length)))

    # -- elements -------------------------------------------------------------------------------

    @staticmethod
    def copy(x: Array) -> Array:
        return x

    @staticmethod
    def erf(x: Array) -> Array:
        return lax.erf(x)

    @staticmethod
    def sign(x: Array) -> Array:
        """jnp.sign leaves -0.0 as it is, where NumPy's gives 0.0."""
        return jnp.where(x == 0, jnp.zeros_like(x), jnp.sign(x))

    @staticmethod
    def pow(x: Array, y: Array) -> Array:
        """As in C, also where XLA would take the square root for a known exponent of ½."""
        x, y = _alike(x, y)
        power = lax.pow(x, y)
        half = jnp.where(x == -math.inf, jnp.abs(x), power + jnp.zeros_like(power))
        return jnp.where(y == 0.5, half, power)

    @staticmethod
    def floor_divide(x: Array, y: Array) -> Array:
        return _divided(*_alike(x, y))[0]

    @staticmethod
    def remainder(x: Array, y: Array) -> Array:
        return _divided(*_alike(x, y))[1]

    @staticmethod
    def astype(x: Array, dtype: DType) -> Array:
        return jnp.asarray(x).astype(numpy_dtype(dtype))

    # -- making ---------------------------------------------------------------------------------

    @staticmethod
    def full(shape: Ints, value: Any, dtype: DType) -> Array:
        return jnp.full(shape, value, numpy_dtype(dtype))

    @staticmethod
    def iota(shape: Ints, axis: int, dtype: DType) -> Array:
        return lax.broadcasted_iota(numpy_dtype(dtype), shape, axis)

    @staticmethod
    def size(x: Array, axis: int) -> Array:
        return jnp.asarray(x.shape[axis], np.int64)

    @staticmethod
    def one_hot(indices: Array, depth: int, dtype: DType) -> Array:
        kind = indices.dtype if indices.dtype == np.uint64 else np.int64
        places = jnp.arange(depth, dtype=kind)
        return (indices[..., None].astype(kind) == places).astype(numpy_dtype(dtype))

    # -- reducing -------------------------------------------------------------------------------

    @staticmethod
    def sum(x: Array, axis: Ints | int | None = None, keepdims: bool = False) -> Array:
        return jnp.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)

    @staticmethod
    def max(x: Array, axis: int | Ints | None = None, keepdims: bool = False) -> Array:
        return _extreme("max", x, axis, keepdims)

    @staticmethod
    def min(x: Array, axis: int | Ints | None = None, keepdims: bool = False) -> Array:
        return _extreme("min", x, axis, keepdims)

    @staticmethod
    def argmax(x: Array, axis: int | Ints | None = None, keepdims: bool = False) -> Array:
        return _extreme("argmax", x, axis, keepdims)

    @staticmethod
    def argsort(x: Array) -> Array:
        return jnp.argsort(x, axis=-1, stable=True).astype(np.int64)

    def contract(self, x: Array, y: Array, batch: Pairs, summed: Pairs) -> Array:
        dtype = x.dtype
        if self._precision == "bfloat16" and dtype == np.float32:
            x, y = x.astype(jnp.bfloat16), y.astype(jnp.bfloat16)
        return lax.dot_general(
            x,
            y,
            (
                tuple(zip(*summed, strict=True)) or ((), ()),
                tuple(zip(*batch, strict=True)) or ((), ()),
            ),
            precision=lax.Precision.HIGHEST,  # GPUs would else round the factors
            preferred_element_type=dtype,
        )

    def convolve(
        self,
        x: Array,
        kernel: Array,
        axes: Sequence[Ints],
        strides: Ints,
        padding: Pairs,
        spread: Ints,
        kernel_spread: Ints,
    ) -> Array:
        """See `xla_convolution.py`; the axes in the order that lax gives their roles."""
        dtype = x.dtype
        if self._precision == "bfloat16" and dtype == np.float32:
            x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
        return lax.conv_general_dilated(
            x,
            kernel,
            strides,
            padding,
            lhs_dilation=spread,
            rhs_dilation=kernel_spread,
            dimension_numbers=lax.ConvDimensionNumbers(*axes),
            precision=lax.Precision.HIGHEST,
            preferred_element_type=dtype,
        )

    # -- moving ---------------------------------------------------------------------------------

    @staticmethod
    def getitem(x: Array, start: Ints, stop: Ints, step: Ints) -> Array:
        return lax.slice(x, start, stop, step)

    @staticmethod
    def pad(x: Array, value: Array, low: Ints, high: Ints, interior: Ints) -> Array:
        return lax.pad(x, value, list(zip(low, high, interior, strict=True)))

    @staticmethod
    def windows(x: Array, axes: Ints, size: Ints, stride: Ints, dilation: Ints) -> Array:
        """One axis after the other: the k-th elements of all windows are one slice of x."""
        for axis, k, s, d in zip(axes, size, stride, dilation, strict=True):
            count = max(0, (x.shape[axis] - (k - 1) * d - 1) // s + 1)
            start = [min(i * d, x.shape[axis]) for i in range(k)]
            parts = [
                lax.slice_in_dim(x, at, at + max(0, (count - 1) * s + 1) if count else at, s, axis)
                for at in start
            ]
            x = jnp.stack(parts, axis=-1)
        return x

    @staticmethod
    def fold(
        x: Array, axes: Ints, size: Ints, stride: Ints, dilation: Ints, lengths: Ints
    ) -> Array:
        """The transpose of `windows`, the last axis first: each slice goes back to its place."""
        zero = jnp.zeros((), x.dtype)
        for axis, k, s, d, length in reversed(
            list(zip(axes, size, stride, dilation, lengths, strict=True))
        ):
            count = x.shape[axis]
            total = jnp.zeros((*x.shape[:axis], length, *x.shape[axis + 1 : -1]), x.dtype)
            for i in range(k if count else 0):
                widths = [(0, 0, 0)] * (x.ndim - 1)
                widths[axis] = (i * d, length - i * d - (count - 1) * s - 1, s - 1)
                total = total + lax.pad(x[..., i], zero, widths)
            x = total
        return x

    def gather(self, x: Array, indices: Array, axis: int) -> Array:
        self._refuse(indices, x.shape[axis])
        if x.shape[axis] == 0:  # any index is refused
            shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
            return jnp.zeros(shape, x.dtype)
        return jnp.take(x, indices, axis=axis, mode="clip")

    def scatter_add(self, x: Array, indices: Array, updates: Array, axis: int) -> Array:
        self._refuse(indices, x.shape[axis])
        if x.shape[axis] == 0 or math.prod(indices.shape) == 0:
            return x
        place: Any = (slice(None),) * axis + (indices,)
        return x.at[place].add(updates, mode="drop")

    # -- random numbers -------------------------------------------------------------------------

    def random_bits(
        self, seed: Array, step: Array, stream: str, shape: Ints, *first: Array
    ) -> Array:
        return self._words((seed, step, *first), stream, math.prod(shape)).reshape(shape)

    def uniform(
        self, seed: Array, step: Array, stream: str, shape: Ints, dtype: DType, *first: Array
    ) -> Array:
        numbers, n = (seed, step, *first), math.prod(shape)
        if dtype.name == "float32":
            bits = self._words(numbers, stream, n) >> np.uint32(8)
            return (bits.astype(np.float32) * np.float32(2.0**-24)).reshape(shape)
        bits = _joined(self._words(numbers, stream, n, 2), 5, 6)
        return (bits.astype(np.float64) * 2.0**-53).reshape(shape)

    def normal(
        self, seed: Array, step: Array, stream: str, shape: Ints, dtype: DType, *first: Array
    ) -> Array:
        bits = _joined(self._words((seed, step, *first), stream, math.prod(shape), 2), 6, 6)
        return _quantile(bits).astype(numpy_dtype(dtype)).reshape(shape)

    def _words(self, numbers: Sequence[Array], stream: str, count: int, each: int = 1) -> Array:
        """`each` random words for every element of (seed, step, first): see `extras.words`."""
        for number in numbers:
            if not jnp.issubdtype(number.dtype, jnp.unsignedinteger):
                self.refused.append(number < 0)
        seed, step, *rest = (jnp.asarray(number).astype(np.uint64) for number in numbers)
        first = rest[0] * np.uint64(each) if rest else np.uint64(0)
        low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
        spare = 3 if rest else 0  # words of the first block that may stand before the first
        blocks = first // np.uint64(4) + jnp.arange(
            -(-(count * each + spare) // 4), dtype=np.uint64
        )
        counter = [blocks & low, blocks >> high, step & low, step >> high]
        key = [seed & low, np.uint64(stream_hash(stream)) ^ (seed >> high)]
        words = [jnp.broadcast_to(word.astype(np.uint32), blocks.shape) for word in counter]
        drawn = _philox(words, [word.astype(np.uint32) for word in key])
        # Behind the barrier they are kept: XLA would else draw them anew for each of their uses.
        drawn = lax.optimization_barrier(jnp.stack(drawn, axis=-1).reshape(-1))
        if rest:
            return lax.dynamic_slice(drawn, [first % np.uint64(4)], [count * each])
        return drawn[: count * each]


def _alike(x: Array, y: Array) -> tuple[Array, Array]:
    x, y = jnp.asarray(x), jnp.asarray(y)
    found: tuple[Array, Array] = tuple(jnp.broadcast_arrays(x, y))
    return found


def _divided(x: Array, y: Array) -> tuple[Array, Array]:
    """The floor of x/y, and what is left: NumPy's rule for floats; of integers by 0 both are 0."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        safe = jnp.where(y == 0, jnp.ones_like(y), y)
        quotient, rest = lax.div(x, safe), lax.rem(x, safe)
        below = (rest != 0) & ((rest < 0) != (y < 0))
        zero = jnp.zeros_like(x)
        return (
            jnp.where(y == 0, zero, jnp.where(below, quotient - 1, quotient)),
            jnp.where(y == 0, zero, jnp.where(below, rest + safe, rest)),
        )
    rest = lax.rem(x, y)
    quotient = (x - rest) / y
    below = (rest != 0) & ((y < 0) != (rest < 0))
    quotient = jnp.where(below, quotient - 1, quotient)
    rest = jnp.where(
        rest != 0, jnp.where(below, rest + y, rest), jnp.copysign(0, y).astype(x.dtype)
    )
    whole = jnp.floor(quotient)
    whole = jnp.where(quotient - whole > 0.5, whole + 1, whole)
    whole = jnp.where(quotient != 0, whole, jnp.copysign(0, x / y).astype(x.dtype))
    return jnp.where(y == 0, x / y, whole), jnp.where(y == 0, lax.rem(x, y), rest)


def _extreme(name: str, x: Array, axis: int | Ints | None, keepdims: bool) -> Array:
    over = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if 0 in [x.shape[i] for i in over]:
        raise ShapeError(name, f"x must have an element to choose from, got shape {x.shape}")
    return getattr(jnp, name)(x, axis=axis, keepdims=keepdims)


def _philox(words: Sequence[Array], key: Sequence[Array]) -> list[Array]:
    """Philox-4x32-10, as in `extras.philox`."""
    x0, x1, x2, x3 = words
    key0, key1 = key
    for _ in range(10):
        high0, low0 = _product(x0, 0xD2511F53)
        high2, low2 = _product(x2, 0xCD9E8D57)
        x0, x1, x2, x3 = high2 ^ x1 ^ key0, low2, high0 ^ x3 ^ key1, low0
        key0, key1 = key0 + np.uint32(0x9E3779B9), key1 + np.uint32(0xBB67AE85)
    return [x0, x1, x2, x3]


def _product(x: Array, factor: int) -> tuple[Array, Array]:
    """The high and the low word of a product of two words."""
    whole = x.astype(np.uint64) * np.uint64(factor)
    return (whole >> np.uint64(32)).astype(np.uint32), whole.astype(np.uint32)


def _joined(words: Array, first: int, second: int) -> Array:
    """Pairs of words without their last bits, as one number each."""
    pair = words.astype(np.uint64).reshape(-1, 2)
    return (pair[:, 0] >> np.uint64(first)) << np.uint64(26) | (pair[:, 1] >> np.uint64(second))


def _polynomial(table: Sequence[float], r: Array) -> Array:
    value = jnp.full_like(r, table[-1])
    for a in table[-2::-1]:
        value = value * r + a
    return value


def _rational(table: tuple[tuple[float, ...], tuple[float, ...]], r: Array) -> Array:
    above, below = table
    return _polynomial(above, r) / _polynomial(below, r)


def _log(x: Array) -> Array:
    """As `extras._log`."""
    mantissa, exponent = jnp.frexp(x)
    small = mantissa < math.sqrt(0.5)
    mantissa = jnp.where(small, mantissa * 2, mantissa)
    s = (mantissa - 1) / (mantissa + 1)
    series = _polynomial([1 / odd for odd in range(1, 26, 2)], s * s)
    return (exponent - small) * 0.6931471805599453 + 2 * s * series


def _quantile(bits: Array) -> Array:
    """As `extras.quantile`; XLA may round a product and a sum at once: the last bit may differ."""
    p = (bits.astype(np.float64) + 0.5) * 2.0**-52
    q = p - 0.5
    r = jnp.sqrt(-_log(jnp.minimum(p, 1.0 - p)))
    outer = jnp.where(r <= 5.0, _rational(MIDDLE, r - 1.6), _rational(TAIL, r - 5.0))
    inner = q * _rational(CENTRE, 0.180625 - q * q)
    return jnp.where(jnp.abs(q) <= 0.425, inner, jnp.where(q < 0, -outer, outer))
