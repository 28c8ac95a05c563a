"""Depthwise, separable and transposed convolutions beside PyTorch, layer by layer.

`python benchmarks/convolutions.py [--threads 2] [--seconds 1] [WORD …]`: words choose among the
cases. Of each the forward pass, and a step: forward, and the gradients of x and of all weights.
Calls of both libraries alternate in one process, with a pause between their turns: the threads of
one look out for work some milliseconds longer, and would hold a core of the other's. The table has
the least time of each, PyTorch's in the better of its two layouts. Results are compared where
PyTorch has the same padding.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import pellucid as pel
from pellucid import nn

F = torch.nn.functional
Shape = tuple[int, ...]
Call = Callable[[], Any]
IN_A_ROW = 20  # calls of one library before the other's turn: sleeping threads wake in the first
PAUSE = 0.02  # seconds between two turns

# kind, x, kernel, stride, padding, dilation, filters
CASES: list[tuple[str, Shape, int, int, str, int, int]] = [
    ("depthwise", (16, 32, 32, 64), 3, 1, "same", 1, 0),
    ("depthwise", (8, 56, 56, 32), 3, 1, "same", 1, 0),
    ("depthwise", (16, 28, 28, 96), 5, 1, "same", 1, 0),
    ("depthwise", (8, 56, 56, 64), 3, 2, "same", 1, 0),
    ("depthwise", (8, 112, 112, 32), 3, 1, "same", 1, 0),
    ("depthwise", (32, 7, 7, 128), 3, 1, "same", 1, 0),
    ("depthwise", (32, 14, 14, 128), 3, 1, "same", 1, 0),
    ("depthwise", (32, 14, 14, 128), 5, 2, "same", 1, 0),
    ("depthwise", (8, 28, 28, 64), 3, 1, "same", 2, 0),
    ("depthwise", (8, 28, 28, 64), 3, 1, "valid", 1, 0),
    ("depthwise", (1, 56, 56, 128), 3, 1, "same", 1, 0),
    ("depthwise", (1, 112, 112, 32), 3, 1, "same", 1, 0),
    ("depthwise", (32, 28, 28, 1), 3, 1, "same", 1, 0),
    ("depthwise", (32, 32, 32, 3), 3, 1, "same", 1, 0),
    ("depthwise", (32, 32, 32, 3), 3, 2, "same", 1, 0),
    ("depthwise", (16, 32, 32, 8), 3, 1, "same", 1, 0),
    ("depthwise", (16, 32, 32, 16), 3, 1, "same", 1, 0),
    ("depthwise", (16, 32, 32, 16), 3, 2, "same", 1, 0),
    ("depthwise", (16, 32, 32, 24), 5, 1, "same", 1, 0),
    ("depthwise", (32, 256, 64), 3, 1, "same", 1, 0),
    ("depthwise", (32, 256, 64), 5, 2, "same", 1, 0),
    ("separable", (16, 32, 32, 32), 3, 1, "same", 1, 64),
    ("separable", (8, 28, 28, 64), 3, 1, "same", 1, 128),
    ("separable", (32, 256, 32), 5, 1, "same", 1, 64),
    ("transposed", (16, 7, 7, 64), 3, 2, "same", 1, 32),
    ("transposed", (16, 14, 14, 32), 3, 2, "same", 1, 1),
    ("transposed", (16, 16, 16, 64), 4, 2, "same", 1, 32),
    ("transposed", (16, 8, 8, 128), 2, 2, "same", 1, 64),
    ("transposed", (8, 28, 28, 32), 3, 1, "same", 1, 16),
    ("transposed", (32, 64, 32), 4, 2, "same", 1, 16),
]


def ours(case: Any) -> tuple[list[np.ndarray], Callable[..., Any]]:
    """The weights of the layer, and (x, *weights) → y."""
    kind, shape, size, stride, padding, dilation, filters = case
    rank, channels = len(shape) - 2, shape[-1]
    rng = np.random.default_rng(0)
    places = (size,) * rank
    options: dict[str, Any] = {"strides": stride, "padding": padding, "dilation": dilation}
    if kind == "depthwise":
        layer: Any = (nn.DepthwiseConv1D, nn.DepthwiseConv2D)[rank - 1](size, **options)
        shapes = {"W": (*places, channels, 1), "b": (channels,)}
    elif kind == "separable":
        layer = (nn.SeparableConv1D, nn.SeparableConv2D)[rank - 1](filters, size, **options)
        shapes = {"W": (*places, channels, 1), "P": (channels, filters), "b": (filters,)}
    else:
        layer = (nn.Conv1DTranspose, nn.Conv2DTranspose)[rank - 1](filters, size, **options)
        shapes = {"W": (*places, filters, channels), "b": (filters,)}

    def function(x: Any, *weights: Any) -> Any:
        params = dict(zip(shapes, weights, strict=True))
        return layer.apply(params, {}, x, train=False, key=None)[0]

    return [rng.normal(size=one).astype("float32") for one in shapes.values()], function


def theirs(case: Any) -> Callable[..., Any]:
    """(x, *weights) → y of PyTorch, channels first."""
    kind, shape, size, stride, padding, dilation, _ = case
    rank, channels = len(shape) - 2, shape[-1]
    conv, turned = ((F.conv1d, F.conv_transpose1d), (F.conv2d, F.conv_transpose2d))[rank - 1]
    if kind == "transposed":
        before = max(0, size - stride) // 2
        more = stride - size + 2 * before if size - stride - 2 * before < 0 else 0
        cut = max(0, size - stride - 2 * before)
        if cut:
            before, more = (size - stride + 1) // 2, 1  # as many places as with "same"
        return lambda x, w, b: turned(x, w, b, stride, before, more)
    pads = [0] * rank
    if padding == "same":  # the larger side on both where they differ: the same work
        windows = [-(-length // stride) for length in shape[1:-1]]
        long = [(count - 1) * stride + dilation * (size - 1) + 1 for count in windows]
        pads = [-(-max(0, n - at) // 2) for n, at in zip(long, shape[1:-1], strict=True)]

    def function(x: Any, w: Any, *rest: Any) -> Any:
        y = conv(x, w, rest[-1] if kind == "depthwise" else None, stride, pads, dilation, channels)
        return conv(y, *rest) if kind == "separable" else y

    return function


def arranged(case: Any, x: Any, weights: Any, last: bool) -> list[Any]:
    """x and the weights as PyTorch wants them, in one of its layouts."""
    kind, rank = case[0], len(case[1]) - 2
    made = [np.moveaxis(x, -1, 1)]
    for name, one in zip(("W", *("PW" if kind == "separable" else ""), "b"), weights, strict=False):
        if one.ndim == 1:
            made.append(one)
        elif name == "W":
            made.append(
                np.moveaxis(one, (-2, -1), (0, 1))
                if kind != "transposed"
                else np.moveaxis(one, (-1, -2), (0, 1))
            )
        else:
            made.append(one.T.reshape(*one.T.shape, *(1,) * rank))
    tensors = []
    for one in made:
        tensor = torch.tensor(np.ascontiguousarray(one))
        if last and tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        tensors.append(tensor.requires_grad_())
    return tensors


def calls(case: Any) -> dict[str, dict[str, list[Call]]]:
    """What is timed: forward and step of each library; of PyTorch one for each layout."""
    weights, function = ours(case)
    stride = case[3]
    x = np.random.default_rng(1).normal(size=case[1]).astype("float32")
    forward = pel.jit(function)
    y = np.asarray(forward(x, *weights))
    ct = np.random.default_rng(2).normal(size=y.shape).astype("float32")

    def whole(ct: Any, *inputs: Any) -> Any:
        value, back = pel.vjp(function, *inputs)
        return (value, *back(ct))

    step = pel.jit(whole)
    found: dict[str, dict[str, list[Call]]] = {
        "forward": {"ours": [lambda: forward(x, *weights)], "theirs": []},
        "step": {"ours": [lambda: step(ct, x, *weights)], "theirs": []},
    }
    grads = [np.asarray(one) for one in step(ct, x, *weights)]
    other = theirs(case)
    for last in (False, True) if len(case[1]) == 4 else (False,):
        inputs = arranged(case, x, weights, last)
        turn = torch.tensor(np.ascontiguousarray(np.moveaxis(ct, -1, 1)))
        if last:
            turn = turn.contiguous(memory_format=torch.channels_last)

        def plain(inputs: Any = inputs) -> Any:
            with torch.no_grad():
                return other(*inputs)

        def back(inputs: Any = inputs, turn: Any = turn) -> Any:
            out = other(*inputs)
            return out, torch.autograd.grad(out, inputs, turn)

        if stride == 1:
            for mine, other_ in ((y, plain()), (grads[1], back()[1][0])):
                known = np.moveaxis(other_.numpy(), 1, -1)
                np.testing.assert_allclose(mine, known, rtol=0, atol=1e-3)
        found["forward"]["theirs"].append(plain)
        found["step"]["theirs"].append(back)
    return found


def least(several: list[Call], seconds: float) -> list[float]:
    """The least time of each call, in turn."""
    best = [float("inf")] * len(several)
    for call in several:
        for _ in range(3):
            call()
    spent, rounds = 0.0, 0
    while spent < seconds or rounds < 5:
        rounds += 1
        for n, call in enumerate(several):
            time.sleep(PAUSE)
            for _ in range(IN_A_ROW):
                start = time.perf_counter()
                call()
                took = time.perf_counter() - start
                spent, best[n] = spent + took, min(best[n], took)
    return best


def table(cases: list[Any], seconds: float) -> Iterator[str]:
    yield "| case, kernel, stride, dilation or filters | forward | step |\n|---|---|---|"
    for case in cases:
        found = calls(case)
        cells = []
        for several in found.values():
            gc.disable()
            one, *others = least(several["ours"] + several["theirs"], seconds)
            gc.enable()
            cells.append(f"{one * 1e3:.3f} / {min(others) * 1e3:.3f} = {one / min(others):.2f}")
        kind, shape, size, stride, padding, dilation, filters = case
        facts = [f"{size}×{size}" if len(shape) == 4 else str(size), str(stride)]
        facts += [padding] if padding != "same" else []
        facts += [f"dilation {dilation}"] if dilation > 1 else []
        facts += [str(filters)] if filters else []
        yield f"| {kind} {shape}, {', '.join(facts)} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    chosen = [case for case in CASES if all(word in str(case) for word in given.words)]
    for line in table(chosen, given.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
