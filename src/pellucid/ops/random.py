"""Rows that draw random numbers: pure functions of (seed, stream, step, element).

Bits come from Philox-4x32-10 with key (seed, hash of the stream's name) and counter (element,
step), so the same mask comes out wherever and in whatever pieces it is drawn: a third input, where
there is one, says which element of the stream is the first of the result. `normal` uses only
float64 + − × ÷ √ in a fixed order: every executor gives the same bits.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; Wichura, algorithm
AS 241, Applied Statistics 37 (1988).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core import shapes
from pellucid.core.arguments import checked
from pellucid.core.dtypes import DType, uint32
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Shape
from pellucid.graph.node import TensorType
from pellucid.ops.spec import FLOATS, INTEGERS, Kind, NotDifferentiable, Op, check_dtype, register
from pellucid.ops.value import Value, apply

_WHY = NotDifferentiable("random numbers do not move with the seed in any smooth way")


def _check(name: str, numbers: Sequence[TensorType]) -> None:
    labels = ("seed", "step", "first")
    if not 2 <= len(numbers) <= 3:
        raise ArgumentError(
            name, f"expected 2 or 3 inputs ({', '.join(labels)}), got {len(numbers)}"
        )
    for label, type in zip(labels, numbers, strict=False):
        check_dtype(name, label, type, INTEGERS)
        if type.shape != ():
            raise ShapeError(name, f"{label} must be a scalar (), got {shapes.text(type.shape)}")


def _bits_type(*numbers: TensorType, stream: str, shape: Shape) -> TensorType:
    _check("random_bits", numbers)
    return TensorType(uint32, shapes.check("random_bits", shape))


def _float_rule(name: str) -> Any:
    def type_rule(*numbers: TensorType, stream: str, shape: Shape, dtype: DType) -> TensorType:
        _check(name, numbers)
        type = TensorType(dtype, shapes.check(name, shape))
        check_dtype(name, "dtype", type, FLOATS)
        return type

    return type_rule


random_bits = register(
    Op(
        "random_bits",
        Kind.RANDOM,
        ("seed", "step", "*first"),
        ("stream", "shape"),
        _bits_type,
        forward=lambda xp, seed, step, *first, stream, shape: xp.random_bits(
            seed, step, stream, shape, *first
        ),
        derivative=_WHY,
        exact=True,
        accepts=INTEGERS,
        samples=((0, 9), (0, 9)),
        formula=r"b \in \{0, \dots, 2^{32} - 1\}",
        doc="32 random bits an element.",
        refuses=True,
    )
)
uniform = register(
    Op(
        "uniform",
        Kind.RANDOM,
        ("seed", "step", "*first"),
        ("stream", "shape", "dtype"),
        _float_rule("uniform"),
        forward=lambda xp, seed, step, *first, stream, shape, dtype: xp.uniform(
            seed, step, stream, shape, dtype, *first
        ),
        derivative=_WHY,
        exact=True,
        accepts=INTEGERS,
        samples=((0, 9), (0, 9)),
        formula=r"u \sim U[0, 1)",
        doc="Uniform on [0, 1): 24 random bits in float32, 53 in float64.",
        refuses=True,
    )
)
normal = register(
    Op(
        "normal",
        Kind.RANDOM,
        ("seed", "step", "*first"),
        ("stream", "shape", "dtype"),
        _float_rule("normal"),
        forward=lambda xp, seed, step, *first, stream, shape, dtype: xp.normal(
            seed, step, stream, shape, dtype, *first
        ),
        derivative=_WHY,
        exact=True,
        accepts=INTEGERS,
        samples=((0, 9), (0, 9)),
        formula=r"z \sim N(0, 1)",
        doc="Standard normal, by inversion of its distribution function.",
        refuses=True,
    )
)


@dataclass(frozen=True, slots=True)
class Key:
    """Names a stream of random numbers inside a graph: a seed, a step, and a stable path."""

    seed: Value
    step: Value
    stream: str = ""

    def child(self, name: str) -> Key:
        return Key(self.seed, self.step, f"{self.stream}/{name}" if self.stream else name)

    def uniform(self, shape: Shape, dtype: DType) -> Value:
        """Uniform numbers on [0, 1)."""
        result: Value = apply(
            "uniform", self.seed, self.step, stream=self.stream, shape=shape, dtype=dtype
        )
        return result

    def normal(self, shape: Shape, dtype: DType) -> Value:
        """Standard normal numbers."""
        result: Value = apply(
            "normal", self.seed, self.step, stream=self.stream, shape=shape, dtype=dtype
        )
        return result


Key.__init__ = checked(Key.__init__)  # type: ignore[method-assign]
