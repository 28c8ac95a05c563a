"""`data.minibatch.order` as machine code beside graphs, for executors that compile nothing here."""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.routine import Routine, begin
from pellucid.compiler.codegen.shuffle import shuffle
from pellucid.compiler.codegen.target import Target

ROUTINE = Routine("order", ("prows", "lcount", "lcounter", "lhigh", "lfirst", "lsecond"))


def emit(target: Target) -> ir.Module:
    """The module."""
    module = ir.Module("order")
    module.triple = target.triple
    shuffled = shuffle(module)
    body = begin(module, ROUTINE)
    body.builder.call(shuffled, list(body.arguments.values()))
    body.builder.ret_void()
    return module
