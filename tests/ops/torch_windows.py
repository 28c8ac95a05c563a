"""Writes torch_windows.npz: what PyTorch computes for convolution and pooling.

    python tests/ops/torch_windows.py        (with NumPy and PyTorch 2; not part of the tests)

50 configurations each, drawn with a fixed seed after a few that stand on a border: one pixel, one
row, a stride above the kernel, even kernels, padding on one side, depthwise. Numbers are eighths
in int8, half of the inputs after a ReLU so that they hold ties. PyTorch runs in float64, channels
first; arrays are stored channels last. Padding is put there with F.pad, since PyTorch's own is
symmetric.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("torch_windows.npz")
COUNT = 50
BORDERS: list[dict[str, Any]] = [
    {"lengths": [1, 1], "size": [1, 1], "strides": [1, 1], "padding": [[0, 0], [0, 0]]},
    {"lengths": [1, 1], "size": [3, 3], "strides": [2, 2], "padding": [[1, 1], [1, 1]]},
    {"lengths": [1, 7], "size": [1, 3], "strides": [1, 2], "padding": [[0, 0], [1, 0]]},
    {"lengths": [6, 1], "size": [2, 1], "strides": [3, 4], "padding": [[0, 1], [0, 0]]},
    {"lengths": [9], "size": [2], "strides": [4], "padding": [[0, 0]]},
    {"lengths": [1], "size": [1], "strides": [1], "padding": [[0, 0]]},
    {"lengths": [7, 8], "size": [2, 4], "strides": [1, 1], "padding": [[0, 1], [1, 2]]},
]


def drawn(rng: np.random.Generator, index: int) -> dict[str, Any]:
    """One configuration whose windows fit and each see an element."""
    if index < len(BORDERS):
        case = dict(BORDERS[index], dilation=[1] * len(BORDERS[index]["size"]))
    else:
        while True:
            rank = int(rng.integers(1, 3))
            case = {
                "lengths": rng.integers(1, 9, rank).tolist(),
                "size": rng.integers(1, 5, rank).tolist(),
                "strides": rng.integers(1, 6, rank).tolist(),
                "padding": rng.integers(0, 3, (rank, 2)).tolist(),
                "dilation": rng.choice([1, 1, 2, 3], rank).tolist(),
            }
            if all(map(fits, *case.values())):
                break
    groups = int(rng.integers(1, 4))
    inner = int(rng.integers(1, 4)) if index % 3 else 1  # 1: depthwise
    maps = groups * int(rng.integers(1, 3))
    return case | {"n": int(rng.integers(1, 4)), "groups": groups, "inner": inner, "maps": maps}


def fits(length: int, size: int, stride: int, padding: list[int], dilation: int) -> bool:
    """Whether there is a window, and each sees an element, where padding is taken alone too."""
    last = length + sum(padding) - (size - 1) * dilation - 1
    seen = [
        any(0 <= start + j * dilation - padding[0] < length for j in range(size))
        for start in range(0, last + 1, stride)
    ]
    return last >= 0 and all(seen)


def eighths(rng: np.random.Generator, shape: tuple[int, ...], relu: bool = False) -> Any:
    numbers = rng.integers(-16, 17, shape).astype(np.int8)
    return np.maximum(numbers, 0) if relu else numbers


def main() -> None:
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(1989)
    arrays: dict[str, Any] = {}
    cases: dict[str, list[dict[str, Any]]] = {"conv": [], "pool": []}

    def tensor(numbers: Any) -> Any:
        """Channels last, in eighths → channels first."""
        whole = torch.tensor(np.moveaxis(numbers, -1, 1) / 8.0, dtype=torch.float64)
        return whole.requires_grad_()

    def last(value: Any) -> Any:
        return np.moveaxis(value.detach().numpy(), 1, -1)

    def around(x: Any, case: dict[str, Any], filler: float) -> Any:
        return F.pad(x, [p for pair in case["padding"][::-1] for p in pair], value=filler)

    for index in range(COUNT):
        case = drawn(rng, index)
        cases["conv"].append(case)
        rank, groups = len(case["size"]), case["groups"]
        x = eighths(rng, (case["n"], *case["lengths"], groups * case["inner"]), index % 2 == 0)
        k = eighths(rng, (*case["size"], case["inner"], case["maps"]))
        first = tensor(x)
        kernel = torch.tensor(k / 8.0, dtype=torch.float64, requires_grad=True)
        order = (rank + 1, rank, *range(rank))
        function = (F.conv1d, F.conv2d)[rank - 1]
        out = function(
            around(first, case, 0.0),
            kernel.permute(order),
            stride=case["strides"],
            dilation=case["dilation"],
            groups=groups,
        )
        ct = eighths(rng, last(out).shape)
        out.backward(tensor(ct).detach())
        stored = {"x": x, "k": k, "ct": ct, "out": last(out), "dx": last(first.grad)}
        stored["dk"] = kernel.grad.numpy()
        arrays |= {f"conv{index}.{name}": array for name, array in stored.items()}
    for index in range(COUNT):
        case = drawn(rng, index)
        cases["pool"].append(case)
        rank = len(case["size"])
        x = eighths(rng, (case["n"], *case["lengths"], case["inner"]), index % 2 == 0)
        stored = {"x": x}
        # PyTorch's avg_pool has no dilation: it takes the same case without.
        for kind in ("max", "avg", "avg_inside"):
            first = tensor(x)
            wide = around(first, case, -np.inf if kind == "max" else 0.0)
            if kind == "max":
                function = (F.max_pool1d, F.max_pool2d)[rank - 1]
                out = function(wide, case["size"], case["strides"], dilation=case["dilation"])
            else:
                function = (F.avg_pool1d, F.avg_pool2d)[rank - 1]
                plain = [case[name] for name in ("lengths", "size", "strides", "padding")]
                if not all(map(fits, *plain, [1] * rank)):
                    continue
                out = function(wide, case["size"], case["strides"])
                if kind == "avg_inside":
                    ones = around(torch.ones_like(first), case, 0.0)
                    out = out / function(ones, case["size"], case["strides"])
            ct = eighths(rng, last(out).shape)
            out.backward(tensor(ct).detach())
            stored |= {f"{kind}.ct": ct, f"{kind}.out": last(out), f"{kind}.dx": last(first.grad)}
        arrays |= {f"pool{index}.{name}": array for name, array in stored.items()}
    arrays["cases"] = np.array(json.dumps(cases))
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
