"""Passes: text in, text out; and `verify` against programs that are wrong on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pellucid.compiler.passes.arena import arena
from pellucid.compiler.passes.cse import cse
from pellucid.compiler.passes.dce import dce
from pellucid.compiler.passes.fold import fold
from pellucid.compiler.passes.fuse import MAX_MESSAGE, fuse
from pellucid.compiler.passes.inplace import inplace
from pellucid.compiler.passes.lower import lower
from pellucid.compiler.passes.pipeline import SWITCHES, compile_graph, report
from pellucid.compiler.passes.schedule import schedule
from pellucid.compiler.passes.simplify import simplify
from pellucid.compiler.program import COPY, Arena, Extent, Program
from pellucid.compiler.verify import verify
from pellucid.core.dtypes import float32
from pellucid.core.errors import ArgumentError, CompileError
from pellucid.graph.node import INPUT, Graph, Node, TensorType
from pellucid.graph.text import parse_graph, print_graph
from pellucid.ops.spec import type_of
from pellucid.ops.value import Builder, apply
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.native import Native
from tests.compiler.xor import DEEP, shared, step_graph

EARLY = """graph(w: f32[3], x: f32[N,3], g: f32[3])
v3: f32[3] = subtract(w, g)
v4: f32[N,3] = multiply(x, w)
return v3, v4
"""


def parse(text: str) -> Graph:
    return parse_graph(text, type_rule=type_of)


def ops(program: Program) -> list[str]:
    return [kernel.op for kernel in program.kernels]


def test_dce_drops_what_no_output_needs() -> None:
    graph = parse("""graph(x: f32[2], unused: f32[2])
a: f32[2] = add(x, x)
b: f32[2] = multiply(a, a)
return a
""")
    assert print_graph(dce(graph)) == print_graph(
        parse("graph(x: f32[2], unused: f32[2])\na: f32[2] = add(x, x)\nreturn a\n")
    )


def test_cse_joins_chains_of_equal_nodes_and_no_inputs() -> None:
    graph = parse("""graph(x: f32[2], y: f32[2])
a: f32[2] = add(x, y)
b: f32[2] = add(x, y)
c: f32[2] = negative(a)
d: f32[2] = negative(b)
e: f32[2] = multiply(c, d)
return e, b
""")
    assert print_graph(cse(graph)) == print_graph(
        parse("""graph(x: f32[2], y: f32[2])
a: f32[2] = add(x, y)
c: f32[2] = negative(a)
e: f32[2] = multiply(c, c)
return e, a
""")
    )


def test_lowering_is_right_before_any_other_pass() -> None:
    program = lower(parse(EARLY), [(0, 0)])
    verify(program)
    assert ops(program) == ["subtract", "multiply", COPY, COPY]


def test_schedule_puts_the_read_of_an_old_value_before_its_update() -> None:
    plain = lower(parse(EARLY), [(0, 0)])
    assert ops(inplace(plain)) == ["subtract", "multiply", COPY]  # w is copied at the end
    ordered = inplace(schedule(plain))
    verify(ordered)
    assert ops(ordered) == ["multiply", "subtract"]
    assert ordered.text().splitlines()[1:] == [
        "v4: f32[N,3] = multiply(x, w) -> out1 @ slot 6",
        "v3: f32[3] = subtract(w, g) -> new.w @ slot 3",
    ]


def test_every_parameter_of_the_xor_step_is_updated_in_place() -> None:
    program, _ = compile_graph(step_graph(DEEP), shared(DEEP))
    assert COPY not in ops(program)
    for old, new in program.shared:
        assert program.buffers[old].slot == program.buffers[new].slot


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("graph(a: f32[2], b: f32[2])\nreturn b, a\n", [(0, 0), (1, 1)]),  # a swap
        ("graph(w: f32[2,2])\nv: f32[2,2] = permute_dims(w, axes=(1, 0))\nreturn v\n", [(0, 0)]),
        (
            "graph(w: f32[2,2])\nv: f32[2,2] = contract(w, w, batch=(), summed=((1, 0),))\n"
            "return v\n",
            [(0, 0)],
        ),
        (
            "graph(a: f32[2], b: f32[2])\nc: f32[2] = add(a, b)\nd: f32[2] = multiply(b, a)\n"
            "return c, d\n",
            [(0, 0), (1, 1)],
        ),
    ],
    ids=["swap", "transpose", "product", "crossed"],
)
def test_what_cannot_be_written_in_place_keeps_a_copy(
    text: str, pairs: list[tuple[int, int]]
) -> None:
    program, _ = compile_graph(parse(text), pairs)
    assert COPY in ops(program)


def test_a_broken_schedule_is_caught() -> None:
    program, _ = compile_graph(parse(EARLY), [(0, 0)])
    wrong = replace(program, kernels=tuple(reversed(program.kernels)))
    with pytest.raises(CompileError, match=r"multiply\] reads the old w behind v3"):
        verify(wrong)


def hoisted(program: Program, update: int) -> Program:
    """`program` with one kernel moved as far to the front as what it reads allows."""
    writes = program.writes()
    needed, stack = {update}, [update]
    while stack:
        for number in program.kernels[stack.pop()].reads:
            if number in writes and writes[number] not in needed:
                needed.add(writes[number])
                stack.append(writes[number])
    rest = [place for place in range(len(program.kernels)) if place not in needed]
    order = [*sorted(needed), *rest]
    return replace(program, kernels=tuple(program.kernels[place] for place in order))


@pytest.mark.parametrize("name", ["W1", "W2"])
def test_an_update_before_the_backward_pass_has_read_the_weights_is_caught(name: str) -> None:
    program, _ = compile_graph(step_graph(DEEP), shared(DEEP), off=["arena"])
    pair = next(pair for pair in program.shared if program.buffers[pair[0]].name == name)
    wrong = hoisted(program, program.writes()[pair[1]])
    with pytest.raises(CompileError, match=f"reads the old {name} behind v"):
        verify(wrong)
    mended = schedule(wrong)
    verify(mended)
    assert ops(mended).count(COPY) == 0


def test_writing_over_what_is_being_read_is_caught() -> None:
    graph = parse("graph(w: f32[2,2])\nv: f32[2,2] = permute_dims(w, axes=(1, 0))\nreturn v\n")
    program = lower(graph, [(0, 0)])
    first, ending = program.kernels
    wrong = replace(program, kernels=(replace(first, writes=ending.writes),))
    with pytest.raises(CompileError, match="must not write over w while it reads it"):
        verify(wrong)


def test_overlapping_buffers_are_caught_in_both_regions() -> None:
    program, _ = compile_graph(step_graph(DEEP), shared(DEEP))
    for region in ("fixed", "row"):
        size = program.arena
        start = Extent(size.fixed, 0) if region == "row" else Extent(0, 0)
        squeezed = tuple(
            replace(one, offset=start) if one.slot is None and one.region == region else one
            for one in program.buffers
        )
        with pytest.raises(CompileError, match="must not lie on"):
            verify(replace(program, buffers=squeezed))


def test_a_buffer_outside_the_arena_is_caught() -> None:
    program, _ = compile_graph(step_graph(DEEP), shared(DEEP))
    with pytest.raises(CompileError, match="inside the arena"):
        verify(replace(program, arena=Arena(program.arena.fixed, program.arena.per_row - 4)))


def test_reading_what_is_not_written_and_a_wrong_type_are_caught() -> None:
    program = lower(parse(EARLY), [])
    with pytest.raises(CompileError, match="must be written before it is read"):
        verify(replace(program, kernels=program.kernels[1:]))
    twice = (program.kernels[0], *program.kernels)
    with pytest.raises(CompileError, match="must be written once"):
        verify(replace(program, kernels=twice))
    with pytest.raises(CompileError, match=r"output out1 must have a slot and be written"):
        verify(replace(program, kernels=program.kernels[:-1]))
    wrong = replace(program.kernels[0], writes=(4,))
    with pytest.raises(CompileError, match=r"type must be f32\[3\], got f32\[N,3\]"):
        verify(replace(program, kernels=(wrong,)))


def test_two_tenants_of_a_slot_must_be_a_pair() -> None:
    program = lower(parse(EARLY), [(0, 0)])
    with pytest.raises(CompileError, match="slot 3 must hold one buffer or a pair"):
        verify(replace(program, shared=()))


def test_the_arena_is_reused_and_its_layout_holds_for_every_n() -> None:
    lines = [
        "graph(x: f32[N,8])",
        *(f"v{i}: f32[N,8] = relu({f'v{i - 1}' if i else 'x'})" for i in range(9)),
    ]
    program = lower(parse("\n".join([*lines, "return v8", ""])), [])
    assert program.arena == Arena(0, 9 * 32)
    planned = arena(inplace(schedule(program)))
    verify(planned)
    assert planned.arena == Arena(0, 2 * 32)  # one value being read, one being written
    assert planned.arena.bytes(1) == 2 * 32 * 16 and planned.arena.bytes(17) == 2 * 32 * 32


@pytest.mark.parametrize("pairs", [[(0, 0), (0, 1)], [(0, 1), (1, 1)], [(9, 0)], [(1, 0)]], ids=str)
def test_pairs_that_make_no_sense_are_refused(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(CompileError, match=r"\[shared\]"):
        lower(parse(EARLY), pairs)


def test_the_pipeline_records_every_pass_and_knows_their_names() -> None:
    _, records = compile_graph(step_graph(), shared(), xp=NUMPY)
    order = [
        "fold",
        "simplify",
        "cse",
        "dce",
        "unfold",
        "channelwise",
        "lower",
        "fuse",
        "schedule",
        "inplace",
        "arena",
    ]
    assert [one.name for one in records] == order
    assert all(one.seconds >= 0 and one.size > 0 and one.text() for one in records)
    assert report(records).count("\n") == len(records)
    with pytest.raises(ArgumentError, match=r"Did you mean 'cse'\?"):
        compile_graph(step_graph(), off=["csee"])
    assert set(SWITCHES) == set(order) - {"unfold", "channelwise", "lower"}


def test_a_long_chain_passes_without_recursion() -> None:
    type = TensorType(float32, (2,))
    nodes = [Node(INPUT, (), (("name", "x"),), type)]
    nodes += [Node("relu", (i,), (), type) for i in range(5_000)]
    program, _ = compile_graph(Graph(tuple(nodes), (0,), (5_000,)), off=["fuse"])
    assert len(program.kernels) == 5_000 and program.arena == Arena(128, 0)


def simplified(text: str) -> str:
    return print_graph(dce(simplify(parse(text))))


def test_simplify_uses_identities_and_tells_the_zeros_apart() -> None:
    kept = """graph(x: f32[3])
zero: f32[] = full(dtype=float32, shape=(), value=0.0)
y: f32[3] = add(x, zero)
return y
"""
    assert simplified(kept) == print_graph(parse(kept))  # -0.0 + 0.0 is 0.0
    gone = """graph(x: f32[3])
one: f32[] = full(dtype=float32, shape=(), value=1.0)
zero: f32[] = full(dtype=float32, shape=(), value=-0.0)
a: f32[3] = multiply(one, x)
b: f32[3] = add(a, zero)
c: f32[3] = divide(b, one)
d: f32[3] = cast(c, dtype=float32)
return d
"""
    assert simplified(gone) == print_graph(parse("graph(x: f32[3])\nreturn x\n"))


def test_simplify_keeps_an_operation_that_widens() -> None:
    wide = """graph(x: f32[])
ones: f32[3] = full(dtype=float32, shape=(3,), value=1.0)
y: f32[3] = multiply(x, ones)
return y
"""
    assert simplified(wide) == print_graph(parse(wide))


def test_sums_of_one_element_are_these_elements() -> None:
    lone = """graph(x: f32[N,1], y: f32[1,3])
a: f32[N] = sum(x, axis=(1,), keepdims=False)
b: f32[1,3] = sum(y, axis=(0,), keepdims=True)
return a, b
"""
    flat = """graph(x: f32[N,1], y: f32[1,3])
a: f32[N] = reshape(x, shape=(N,))
b: f32[1,3] = reshape(y, shape=(1,3))
return a, b
"""
    assert simplified(lone) == print_graph(parse(flat))
    graph = parse(lone)
    x, y = np.array([[-0.0], [np.nan], [3]], "f4"), np.array([[-0.0, np.inf, -2]], "f4")
    for off in ([], ["simplify"]):
        for found, wanted in zip(Native(graph, off=off)([x, y]), (x, y), strict=True):
            assert found.tobytes() == wanted.tobytes(), off
    several = "graph(x: f32[2,1])\na: f32[] = sum(x, axis=(0, 1), keepdims=False)\nreturn a\n"
    assert simplified(several) == print_graph(parse(several))


def test_one_number_is_repeated_once() -> None:
    text = """graph(x: f32[], y: f32[N])
a: f32[1] = reshape(x, shape=(1,))
b: f32[N] = broadcast_to(a, shape=(N,))
c: f32[N,1] = reshape(b, shape=(N,1))
d: f32[N,4] = broadcast_to(c, shape=(N,4))
return d
"""
    short = "graph(x: f32[], y: f32[N])\nd: f32[N,4] = broadcast_to(x, shape=(N,4))\nreturn d\n"
    assert simplified(text) == print_graph(parse(short))


def test_products_read_and_write_transposed_arrays_as_they_lie() -> None:
    turned = """graph(x: f32[N,5], w: f32[3,5])
v: f32[5,3] = permute_dims(w, axes=(1, 0))
y: f32[N,3] = contract(x, v, batch=(), summed=((1, 0),))
z: f32[3,N] = permute_dims(y, axes=(1, 0))
return z
"""
    straight = """graph(x: f32[N,5], w: f32[3,5])
z: f32[3,N] = contract(w, x, batch=(), summed=((1, 1),))
return z
"""
    assert simplified(turned) == print_graph(parse(straight))
    batches = """graph(x: f32[7,4,5], w: f32[3,5,7])
v: f32[7,5,3] = permute_dims(w, axes=(2, 1, 0))
y: f32[7,4,3] = contract(x, v, batch=((0, 0),), summed=((2, 1),))
z: f32[7,3,4] = permute_dims(y, axes=(0, 2, 1))
return z
"""
    straight = """graph(x: f32[7,4,5], w: f32[3,5,7])
z: f32[7,3,4] = contract(w, x, batch=((2, 0),), summed=((1, 2),))
return z
"""
    assert simplified(batches) == print_graph(parse(straight))


@pytest.mark.parametrize(
    "text",
    [
        """graph(x: f32[N,5], w: f32[3,4,5])
v: f32[5,4,3] = permute_dims(w, axes=(2, 1, 0))
y: f32[N,4,3] = contract(x, v, batch=(), summed=((1, 0),))
return y
""",
        """graph(x: f32[N,5], w: f32[5,3])
y: f32[N,3] = contract(x, w, batch=(), summed=((1, 0),))
z: f32[3,N] = permute_dims(y, axes=(1, 0))
return y, z
""",
        """graph(x: f32[2,4,5], w: f32[5,3])
y: f32[2,4,3] = contract(x, w, batch=(), summed=((2, 0),))
z: f32[3,4,2] = permute_dims(y, axes=(2, 1, 0))
return z
""",
    ],
    ids=["the axes that are left change places", "read by others too", "not in two halves"],
)
def test_other_permutations_stay(text: str) -> None:
    assert simplified(text) == print_graph(parse(text))


@pytest.mark.parametrize("seed", range(12))
def test_transposed_operands_of_any_rank_change_no_bit(seed: int) -> None:
    """Several axes in every group, in any order: with and without the pass the bits are equal."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 3, 4)  # axes of the batch, summed, left of x, left of y
    b, k, left, right = (draw.integers(1, 4, size=count).tolist() for count in counts)
    builder = Builder()
    with builder:
        operands = []
        for name, dims in (("x", [*b, *k, *left]), ("y", [*b, *k, *right])):
            order = draw.permutation(len(dims))
            given = builder.input(name, TensorType(float32, tuple(dims[i] for i in order)))
            axes = tuple(int(i) for i in np.argsort(order))
            operands.append(apply("permute_dims", given, axes=axes))
        pairs = [(i, i) for i in range(len(b) + len(k))]
        product = apply(
            "contract", *operands, batch=tuple(pairs[: len(b)]), summed=tuple(pairs[len(b) :])
        )
        rank = len(product.type.shape)
        turned = (
            *range(len(b)),
            *range(len(b) + len(left), rank),
            *range(len(b), len(b) + len(left)),
        )
        graph = builder.graph([apply("permute_dims", product, axes=turned)])
    inputs = [draw.normal(size=type.shape).astype("f4") for type in graph.input_types]
    ours, known = (Native(graph, off=off)(inputs)[0] for off in ((), ("simplify",)))
    assert ours.tobytes() == known.tobytes()


def test_fold_computes_exact_scalars_and_nothing_else() -> None:
    graph = parse("""graph(x: f32[2])
a: f32[] = full(dtype=float32, shape=(), value=0.1)
b: f32[] = full(dtype=float32, shape=(), value=3.0)
c: f32[] = multiply(a, b)
d: f32[] = exp(c)
e: f32[2] = multiply(x, d)
return e
""")
    folded = dce(fold(graph, NUMPY))
    assert [node.op for node in folded.nodes] == ["input", "full", "exp", "multiply"]
    assert folded.nodes[1].attr("value") == float(np.float32(0.1) * np.float32(3))


def fused(text: str) -> Program:
    program = fuse(lower(parse(text), []))
    verify(program)
    return program


def shown(program: Program) -> list[str]:
    """The rows of each kernel, and how many buffers it writes."""
    return [
        f"{' '.join(one.op for one in kernel.body) or COPY} -> {len(kernel.writes)}"
        for kernel in program.kernels
    ]


def test_a_chain_of_elementwise_rows_is_one_kernel() -> None:
    program = fused("""graph(x: f32[N,3], b: f32[3])
u: f32[N,3] = add(x, b)
v: f32[N,3] = relu(u)
w: f32[N,3] = multiply(v, u)
return w
""")
    assert shown(program) == ["add relu multiply -> 1", f"{COPY} -> 1"]


def test_a_value_with_other_readers_is_still_written() -> None:
    program = fused("""graph(x: f32[N,3])
u: f32[N,3] = relu(x)
v: f32[N,3] = square(u)
w: f32[3] = sum(u, axis=(0,), keepdims=False)
return v, w
""")
    assert shown(program) == ["relu square -> 2", "sum -> 1", f"{COPY} -> 1", f"{COPY} -> 1"]


def test_bias_and_activation_are_the_epilogue_of_a_product() -> None:
    program = fused("""graph(x: f32[N,3], w: f32[3,4], b: f32[4])
u: f32[N,4] = contract(x, w, batch=(), summed=((1, 0),))
v: f32[N,4] = add(u, b)
y: f32[N,4] = relu(v)
return y
""")
    assert shown(program) == ["contract add relu -> 1", f"{COPY} -> 1"]


def test_terms_are_computed_as_they_are_added() -> None:
    program = fused("""graph(x: f32[N,3], y: f32[N,3])
d: f32[N,3] = subtract(x, y)
s: f32[N,3] = square(d)
t: f32[] = sum(s, axis=(0, 1), keepdims=False)
return t
""")
    assert shown(program) == ["subtract square sum -> 1", f"{COPY} -> 1"]


def test_terms_beside_a_value_that_others_read_are_not_joined_to_the_sum() -> None:
    """y and z become one kernel; z is read by the flip, and a sum writes nothing but the sum."""
    program = fused("""graph(x: f32[4,3])
y: f32[4,3] = square(x)
s: f32[3] = sum(y, axis=(0,), keepdims=False)
z: f32[4,3] = add(y, y)
w: f32[4,3] = flip(z, axis=(0,))
return s, w
""")
    assert shown(program)[:3] == ["square add -> 2", "sum -> 1", "flip -> 1"]


def test_a_head_that_writes_more_than_its_value_is_caught() -> None:
    program = fused("""graph(x: f32[4,3])
y: f32[4,3] = square(x)
s: f32[] = sum(y, axis=(0, 1), keepdims=False)
return s
""")
    more = replace(program.kernels[0], writes=(1, 2), results=(1, 2))
    with pytest.raises(CompileError, match=r"must write its head's value alone, got \(1, 2\)"):
        verify(replace(program, kernels=(more, *program.kernels[1:])))


def test_two_products_are_two_kernels_and_a_reshape_is_none() -> None:
    program = fused("""graph(x: f32[N,3], w: f32[3,3])
u: f32[N,3] = contract(x, w, batch=(), summed=((1, 0),))
v: f32[N,3] = contract(u, w, batch=(), summed=((1, 0),))
a: f32[N,3] = add(u, v)
r: f32[3,N] = reshape(a, shape=(3,N))
n: f32[3,N] = negative(r)
return n
""")
    assert shown(program) == ["contract -> 1", "contract add -> 1", "negative -> 1", f"{COPY} -> 1"]


def test_what_others_need_in_between_is_not_joined() -> None:
    """The sum reads u and feeds v: u and v cannot be one kernel."""
    program = fused("""graph(x: f32[3])
u: f32[3] = relu(x)
s: f32[] = sum(u, axis=(0,), keepdims=False)
v: f32[3] = multiply(u, s)
return v
""")
    assert shown(program) == ["relu -> 1", "sum -> 1", "multiply -> 1", f"{COPY} -> 1"]


def test_kernels_stay_small_enough_to_compile() -> None:
    type = TensorType(float32, (2,))
    nodes = [Node(INPUT, (), (("name", "x"),), type)]
    nodes += [Node("relu", (i,), (), type) for i in range(1000)]
    program = fuse(lower(Graph(tuple(nodes), (0,), (1000,)), []))
    verify(program)
    assert max(len(kernel.body) for kernel in program.kernels) == MAX_MESSAGE
    assert sum(len(kernel.body) for kernel in program.kernels) == 1000
