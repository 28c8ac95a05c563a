"""A Program as one LLVM module.

One function a kernel, which gets addresses and N, and one entry for the caller:

    run(ptr slots, i64 rows, i64 steps)

`slots` holds the arena's address and those of inputs, constants and outputs; the entry computes
every address once and then runs the kernels `steps` times, for state that is updated in place.
"""

from __future__ import annotations

from pellucid.compiler.codegen import kernels
from pellucid.compiler.codegen.llvm import binding, ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.compiler.codegen.target import Target, host, machine, optimise
from pellucid.compiler.program import ARENA, ROW_QUANTUM, Kernel, Program
from pellucid.core.errors import CompileError

ENTRY = "run"


def check_supported(program: Program) -> None:
    """Every kernel has an emitter.

    Raises:
        CompileError: naming the first operation that has none, and its line.
    """
    for kernel in program.kernels:
        if kernel.op not in kernels.TABLE:
            raise CompileError(
                kernel.op,
                f"the native engine must have code for {kernel.op}, and has none",
                "Run it with backend='interpreter'.",
                line=kernel.line,
            )


def build(program: Program) -> ir.Module:
    """The module of `program`, in llvmlite's form; `str` gives its text."""
    check_supported(program)
    module = ir.Module("pellucid")
    functions = [_kernel(module, program, n, one) for n, one in enumerate(program.kernels)]
    _entry(module, program, functions)
    return module


def _kernel(module: ir.Module, program: Program, number: int, kernel: Kernel) -> ir.Function:
    """void kernel(ptr out, ptr reads…, i64 rows)"""
    places = (kernel.write, *kernel.reads)
    pointer = ir.PointerType()
    kind = ir.FunctionType(ir.VoidType(), [pointer] * len(places) + [ir.IntType(64)])
    function = ir.Function(module, kind, f"k{number}.{kernel.name}.{kernel.op}")
    function.linkage = "internal"
    out = program.buffers[kernel.write]
    if all(out.slot is None or program.buffers[i].slot != out.slot for i in kernel.reads):
        function.args[0].add_attribute("noalias")  # `verify` has shown that it lies apart
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    operands = [
        Operand(argument, program.buffers[place].type)
        for argument, place in zip(function.args, places, strict=False)
    ]
    scope = Scope(kernel, builder, function.args[-1], operands[0], tuple(operands[1:]))
    kernels.TABLE[kernel.op](scope)
    builder.ret_void()
    return function


def _entry(module: ir.Module, program: Program, functions: list[ir.Function]) -> None:
    pointer, i64_type = ir.PointerType(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer, i64_type, i64_type])
    function = ir.Function(module, kind, ENTRY)
    for argument, name in zip(function.args, ("slots", "rows", "steps"), strict=True):
        argument.name = name
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    slots, rows, steps = function.args
    addresses = _addresses(builder, program, slots, rows)
    with loop(builder, steps, "step"):
        for kernel, emitted in zip(program.kernels, functions, strict=True):
            places = (kernel.write, *kernel.reads)
            builder.call(emitted, [*(addresses[place] for place in places), rows])
    builder.ret_void()


def _addresses(
    builder: ir.IRBuilder, program: Program, slots: ir.Value, rows: ir.Value
) -> dict[int, ir.Value]:
    """The address of every buffer that a kernel touches."""
    pointer, byte = ir.PointerType(), ir.IntType(8)
    used = {place for kernel in program.kernels for place in (kernel.write, *kernel.reads)}

    def slot(number: int, name: str) -> ir.Value:
        place = builder.gep(slots, [i64(number)], inbounds=True, source_etype=pointer)
        return builder.load(place, name=name, typ=pointer)

    arena = slot(ARENA, "arena")
    rounded = builder.and_(builder.add(rows, i64(ROW_QUANTUM - 1)), i64(-ROW_QUANTUM), "padded")
    found = {}
    for number in sorted(used):
        buffer = program.buffers[number]
        if buffer.slot is not None:
            found[number] = slot(buffer.slot, buffer.name)
            continue
        assert buffer.offset is not None
        offset = i64(buffer.offset.fixed)
        if buffer.offset.per_row:
            offset = builder.add(offset, builder.mul(rounded, i64(buffer.offset.per_row)))
        found[number] = builder.gep(
            arena, [offset], inbounds=True, name=buffer.name, source_etype=byte
        )
    return found


def optimised(program: Program, target: Target | None = None) -> object:
    """The parsed module after LLVM's passes, ready for an engine."""
    target = target or host()
    text = str(build(program))
    module = binding.parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(machine(target).target_data)
    module.verify()
    optimise(module, target)
    return module


def assembly(program: Program, target: Target | None = None) -> str:
    """The machine code of `program` as assembly text."""
    target = target or host()
    return str(machine(target).emit_assembly(optimised(program, target)))
