"""Functions of the C library that a browser does not have: a call of one ends with an error.

Sines of more than a million quarter turns are asked of the C library (`mathfn.py`). To compute them
otherwise would give other bits than native code has.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.llvm import ir

REFUSED = ("sin", "cos")


def refused_functions(modules: Sequence[ir.Module]) -> ir.Module:
    """A module with those that `modules` declare."""
    made, double = ir.Module("web"), ir.DoubleType()
    kind = ir.FunctionType(ir.VoidType(), [])
    trap = ir.Function(made, kind, "llvm.trap")
    for name in REFUSED:
        if any(name in module.globals for module in modules):
            function = ir.Function(made, ir.FunctionType(double, [double]), name)
            builder = ir.IRBuilder(function.append_basic_block("entry"))
            builder.call(trap, [])
            builder.unreachable()
    return made
