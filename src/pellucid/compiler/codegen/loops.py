"""Counting loops as context managers. Values that a loop carries are phi nodes: final form at once.

with loop(builder, count, "i", [zero]) as i:
    i.next = [builder.fadd(i.carried[0], x)]
total = i.carried[0]            # holds behind the loop too
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pellucid.compiler.codegen.llvm import ir


def i64(value: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), value)


def least(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """The smaller of two numbers."""
    return b.select(b.icmp_signed("<", x, y), x, y)


def groups(b: ir.IRBuilder, count: ir.Value, size: int | ir.Value) -> ir.Value:
    """How many groups of `size` hold `count`."""
    if isinstance(size, int):
        size = i64(size)
    return b.udiv(b.add(count, b.sub(size, i64(1))), size)


@dataclass
class Loop:
    """One loop under construction. The body sets `next`, one value for each that is carried."""

    index: ir.Value
    carried: list[ir.Value]
    next: list[ir.Value] = field(default_factory=list)


@contextmanager
def loop(
    builder: ir.IRBuilder,
    count: ir.Value,
    name: str,
    initial: Sequence[ir.Value] = (),
    going: Callable[[], ir.Value] | None = None,
) -> Iterator[Loop]:
    """for index in range(count); blocks and index are named after `name`.

    Args:
        going: emits a condition that ends the loop where it does not hold.
    """
    before = builder.block
    head = builder.append_basic_block(f"{name}.head")
    body = builder.append_basic_block(f"{name}.body")
    done = builder.append_basic_block(f"{name}.done")
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(i64(0).type, name)
    index.add_incoming(i64(0), before)
    carried = [builder.phi(value.type, f"{name}.carried") for value in initial]
    for phi, value in zip(carried, initial, strict=True):
        phi.add_incoming(value, before)
    more = builder.icmp_signed("<", index, count)
    builder.cbranch(more if going is None else builder.and_(more, going()), body, done)
    builder.position_at_end(body)
    state = Loop(index, carried)
    yield state
    latch = builder.block
    index.add_incoming(builder.add(index, i64(1), f"{name}.next", flags=("nuw", "nsw")), latch)
    for phi, value in zip(carried, state.next, strict=True):
        phi.add_incoming(value, latch)
    builder.branch(head)
    builder.position_at_end(done)


@dataclass
class Nest:
    """Loops inside each other: the innermost body's offsets, and what it carries."""

    offsets: list[ir.Value]
    loops: list[Loop]

    @property
    def carried(self) -> list[ir.Value]:
        return self.loops[-1].carried

    @property
    def result(self) -> list[ir.Value]:
        """What was carried, behind the nest."""
        return self.loops[0].next

    def set(self, values: list[ir.Value]) -> None:
        self.loops[-1].next = values


@contextmanager
def nest(
    builder: ir.IRBuilder,
    lengths: Sequence[ir.Value],
    steps: Sequence[Sequence[ir.Value | None]],
    name: str,
    starts: Sequence[ir.Value],
    initial: Sequence[ir.Value] = (),
) -> Iterator[Nest]:
    """Loops over `lengths`, outermost first; without any, the body once.

    Args:
        steps: for each tensor its stride along each loop, None where it does not move.
        starts: for each tensor the offset it begins at.
        initial: values carried through all rounds.
    """
    offsets = list(starts)
    with ExitStack() as stack:
        # The first entry stands for "no loop": it hands the initial values to the first true one.
        state = Nest(offsets, [Loop(i64(0), list(initial))])
        for level, length in enumerate(lengths):
            outer = state.loops[-1]
            one = stack.enter_context(loop(builder, length, f"{name}{level}", outer.carried))
            stack.callback(_hand_out, outer, one)
            state.loops.append(one)
            advanced = []
            for offset, along in zip(state.offsets, steps, strict=True):
                step = along[level]
                if step is not None:
                    offset = builder.add(offset, builder.mul(one.index, step))
                advanced.append(offset)
            state.offsets = advanced
        yield state


def _hand_out(outer: Loop, inner: Loop) -> None:
    """What the inner loop carried is what the outer one carries on."""
    outer.next = inner.carried
