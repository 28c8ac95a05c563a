"""What a caller of compiled code must know of a Program: which array goes to which slot, how much
memory it works in.

In: a Program, or the plain data that an earlier one was written down as. Out: a Signature. Machine
code that was kept on disk comes with its signature, so that no pass needs to run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pellucid.compiler.program import Arena, Program, cost, first_update
from pellucid.core.shapes import Batch


@dataclass(frozen=True, slots=True)
class Signature:
    """How a program is called.

    Args:
        slots: how many addresses a call passes.
        inputs, outputs: the slot of each, in the order of a call.
        constants: the slot of each array beside the graph, by name.
        arena: the memory it works in.
        has_batch: whether it is written for any number of rows N.
        guarded: whether a call in place that is refused leaves all state as it was.
        work, work_per_row: about how many vector operations a step takes: `work + work_per_row·N`.
    """

    slots: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    constants: Mapping[str, int]
    arena: Arena
    has_batch: bool
    guarded: bool
    work: int
    work_per_row: int

    def plain(self) -> dict[str, Any]:
        """The signature as plain data, which `read` reads."""
        return asdict(self)


def signature(program: Program) -> Signature:
    """The signature of `program`."""

    def slot(number: int) -> int:
        found = program.buffers[number].slot
        assert found is not None
        return found

    costs = [cost(kernel) for kernel in program.kernels]
    return Signature(
        program.slots,
        tuple(map(slot, program.inputs)),
        tuple(map(slot, program.outputs)),
        {name: slot(number) for name, number in program.constants.items()},
        program.arena,
        program.has_batch,
        first_update(program) is not None,
        sum(one for one in costs if not isinstance(one, Batch)),
        sum(one.scale for one in costs if isinstance(one, Batch)),
    )


def read(plain: Mapping[str, Any]) -> Signature:
    """The signature that `Signature.plain` wrote down.

    Raises:
        TypeError, ValueError, KeyError: for anything else.
    """
    numbers = {name: _whole(plain[name]) for name in ("slots", "work", "work_per_row")}
    arena = {name: _whole(size) for name, size in plain["arena"].items()}
    places = {name: tuple(map(_whole, plain[name])) for name in ("inputs", "outputs")}
    constants = {str(name): _whole(slot) for name, slot in plain["constants"].items()}
    slots = numbers["slots"]
    if any(slot >= slots for slot in (*places["inputs"], *places["outputs"], *constants.values())):
        raise ValueError(f"slots must be below {slots}")
    return Signature(
        slots,
        places["inputs"],
        places["outputs"],
        constants,
        Arena(**arena),
        bool(plain["has_batch"]),
        bool(plain["guarded"]),
        numbers["work"],
        numbers["work_per_row"],
    )


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"a whole number from 0, got {value!r}")
    return value
