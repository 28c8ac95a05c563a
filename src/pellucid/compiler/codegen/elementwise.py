"""The elementwise part of a kernel: its instructions for one element, or for one vector of them.

In: where each input of the kernel stands, or its value. Out: the value of any instruction. Each is
emitted once, when it is first asked for; so is each load.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen import scalars
from pellucid.compiler.codegen.layout import broadcast_strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scalars import Element
from pellucid.compiler.codegen.scope import Operand, Scope, constant, splat, vector_type
from pellucid.compiler.program import Instruction, Kernel
from pellucid.core.shapes import Dim, Shape


def widest(kernel: Kernel) -> int:
    """The bytes of the widest float in a kernel; 4 without one."""
    types = [*kernel.types, *(one.type for one in kernel.body)]
    return max((type.dtype.itemsize for type in types if type.dtype.is_float), default=4)


def walked(
    scope: Scope, shape: Shape, numbers: Sequence[int] | None = None
) -> list[tuple[Dim, ...]]:
    """How inputs are walked along `shape`; one that only its length is asked of stands still.

    Args:
        numbers: which inputs; all of them by default.
    """
    kernel = scope.kernel
    used = {value for one in kernel.body if one.op != "size" for value in one.inputs}
    used.update(kernel.results)
    return [
        broadcast_strides(scope.reads[number].type.shape, shape)
        if number in used
        else (0,) * len(shape)
        for number in (range(len(scope.reads)) if numbers is None else numbers)
    ]


class ElementwiseBody:
    """The instructions of a kernel over vectors of `width` elements (None: over one element).

    Args:
        mask: the lanes that are read and written; all of them by default.
    """

    def __init__(self, scope: Scope, width: int | None, mask: ir.Value | None = None):
        self.scope, self.width, self.mask = scope, width, mask
        self._values: dict[int, ir.Value] = {}
        self._places: dict[int, tuple[Operand, ir.Value, bool]] = {}

    def bind(self, number: int, operand: Operand, offset: ir.Value, repeats: bool) -> None:
        """Says where input `number` stands; one that repeats is the same for all lanes."""
        self._places[number] = operand, offset, repeats

    def set(self, number: int, value: ir.Value) -> None:
        """Gives the value of an input or of the head."""
        self._values[number] = value

    def value(self, number: int) -> ir.Value:
        """The value of input or instruction `number`."""
        # Depth first without recursion: bodies may be long chains.
        stack = [number]
        while stack:
            wanted = stack[-1]
            if wanted in self._values:
                stack.pop()
                continue
            place = wanted - len(self.scope.reads)
            if place < 0:
                self._values[wanted] = self._load(wanted)
                continue
            one = self.scope.kernel.body[place]
            missing = [] if one.op == "size" else [i for i in one.inputs if i not in self._values]
            if missing:
                stack.extend(reversed(missing))
            else:
                self._values[wanted] = self._emit(one)
        return self._values[number]

    def store(self, operand: Operand, value: ir.Value, offset: ir.Value) -> None:
        self.scope.store(value, offset, operand, self.mask)

    def _load(self, number: int) -> ir.Value:
        operand, offset, repeats = self._places[number]
        if self.width is None:
            return self.scope.load(operand, offset)
        if repeats:
            return splat(self.scope.builder, self.scope.load(operand, offset), self.width)
        return self.scope.load_vector(operand, offset, self.width, self.mask)

    def _emit(self, one: Instruction) -> ir.Value:
        builder, attrs = self.scope.builder, dict(one.attrs)
        if one.op == "full":
            return constant(vector_type(one.type.dtype, self.width), one.type.dtype, attrs["value"])
        if one.op == "size":
            shape = self.scope.kernel.type_of(one.inputs[0]).shape
            return splat(builder, self.scope.dim(shape[attrs["axis"]]), self.width)
        inputs = [self._values[number] for number in one.inputs]
        if one.op == "broadcast_to":
            return inputs[0]
        dtypes = tuple(self.scope.kernel.type_of(number).dtype for number in one.inputs)
        return scalars.TABLE[one.op](Element(builder, one.name, dtypes), *inputs, **attrs)
