"""`pel.show(f, …, stage=…)`: what the compiler did, down to assembly."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from llvmlite import binding

import pellucid as pel
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.compiler.program import Program
from pellucid.core.errors import ArgumentError
from pellucid.runtime.extras import NUMPY
from pellucid.transform.stages import PASSES, STAGES

W1, B1 = np.full((2, 9), 0.5, np.float32), np.zeros(9, np.float32)
W2, X = np.ones((9, 1), np.float32), np.ones((4, 2), np.float32)


def loss(w1: Any, b1: Any, w2: Any) -> Any:
    hidden = np.tanh(X @ w1 + b1)
    return np.mean((hidden @ w2 - 1.0) ** 2)


def shown(stage: str, function: Any = loss) -> Any:
    return pel.show(function, W1, B1, W2, stage=stage)


def test_the_passes_are_those_of_the_pipeline_in_its_order():
    _, records = compile_graph(pel.show(loss, W1, B1, W2).graph, xp=NUMPY)
    assert tuple(one.name for one in records) == PASSES


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_begins_with_a_line_for_each_pass_up_to_it(stage):
    one = shown(stage)
    passes = PASSES[: PASSES.index(stage) + 1] if stage in PASSES else PASSES
    lines = str(one).splitlines()
    assert [line.split()[0] for line in lines[: len(passes)]] == list(passes)
    assert all(re.match(r"\w+ +[\d.]+ ms +\d+  \w", line) for line in lines[: len(passes)])
    assert lines[len(passes)] == "" and repr(one) == str(one)


def test_fusing_leaves_fewer_kernels_and_tanh_in_the_product():
    lowered, fused = shown("lower"), shown("fuse")
    assert isinstance(fused.result, Program)
    assert len(fused.result.kernels) < len(lowered.result.kernels)
    product = next(k for k in fused.result.kernels if any(one.op == "tanh" for one in k.body))
    assert product.head is not None and product.head.op == "contract"
    assert "tanh" in str(fused)


def test_the_gradient_is_part_of_it_unless_it_is_not_asked_for():
    with_gradient = shown("dce").result
    without = pel.show(loss, W1, B1, W2, stage="dce", backward=False).result
    assert len(with_gradient.nodes) > len(without.nodes)
    assert len(with_gradient.outputs) == 4 and len(without.outputs) == 1


def test_memory_shrinks_when_buffers_share_it():
    assert shown("arena").result.arena.fixed < shown("fuse").result.arena.fixed


def test_llvm_reads_its_text_again_and_the_processor_multiplies_and_adds_at_once():
    module = binding.parse_assembly(shown("llvm").code)
    assert "run" in [function.name for function in module.functions]
    assert re.search(r"fmadd|fmla", shown("assembly").code)


def test_a_jitted_function_and_a_tensor_have_stages_too():
    jitted = shown("fuse", pel.jit(loss))
    assert len(jitted.result.kernels) == len(shown("fuse").result.kernels)
    product = pel.Tensor(3.0) * pel.Tensor(-5.0)
    assert "multiply" in str(pel.show(product, stage="lower"))


def test_an_unknown_stage_is_said_with_the_nearest():
    with pytest.raises(ArgumentError, match=r"unknown stage 'fused'.*Did you mean 'fuse'"):
        shown("fused")
