"""Writes torch_normalization.npz: what PyTorch computes for the layers that normalize.

    python tests/nn/torch_normalization.py   (with NumPy and PyTorch 2; not part of the tests)

50 configurations of each layer, drawn with a fixed seed after a few that stand on a border: one
row, one pixel, one channel, a window of more channels than there are. Inputs are eighths in int8,
half of them after a ReLU so that they hold ties and channels of zeros; the rest is float64, as
PyTorch computes it. Arrays are stored channels last, those of all cases of a layer flat behind one
another: the shapes stand in the cases.

Conventions that differ are converted here, so that the file holds what our layers promise:

- Running means: PyTorch's momentum weighs the new batch, ours the old mean (1 - momentum).
- Running variance: PyTorch adds Σ(x - μ)²/(n - 1), ours the batch's own variance Σ(x - μ)²/n. What
  a batch added is scaled by (n - 1)/n, before the next batch and the prediction.
- Local response: PyTorch divides α by the size, ours does not. The cases hold our α; PyTorch gets
  α·size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("torch_normalization.npz")
COUNT = 50
# (rows, places …, channels), and the rows of BatchNorm's second batch. PyTorch refuses a batch of
# one number a channel, so one row comes with several pixels and one pixel with several rows.
BORDERS: list[tuple[list[int], int]] = [
    ([2, 1], 2),
    ([1, 4, 3], 2),
    ([1, 2, 1, 1], 3),
    ([3, 1, 1, 2], 2),
    ([4, 1, 1, 1], 4),
    ([1, 1, 5, 4], 1),
    ([5, 1, 3], 2),
    ([2, 6], 5),
]
ALONE = [[1, 1], [1, 5], [1, 1, 1, 1], [1, 1, 3], [1, 1, 1, 4], [3, 1], [1, 2, 1], [1, 1, 1, 2]]


def drawn(rng: np.random.Generator, index: int, layer: str) -> dict[str, Any]:
    """One configuration; options are ours, not PyTorch's."""
    rank = 2 + index % 3
    shape = rng.integers(1, 5, rank).tolist()
    shape[0], shape[-1] = int(rng.integers(2, 6)), int(rng.integers(1, 7))
    rows = int(rng.integers(2, 6))
    if index < len(BORDERS):
        shape, rows = BORDERS[index] if layer == "batch" else (ALONE[index], 0)
    case: dict[str, Any] = {"shape": shape, "relu": index % 2 == 0}
    if layer == "response":
        size = index % 9 + 1 if index % 4 else shape[-1] + 1 + int(rng.integers(0, 4))
        case |= {
            "size": size,
            "alpha": float(rng.choice([1e-4, 0.5, 2.0])),
            "beta": float(rng.choice([0.5, 0.75, 1.0, 2.0])),
            "k": float(rng.choice([0.25, 1.0, 2.0])),
        }
    else:
        case["epsilon"] = float(rng.choice([1e-5, 1e-3, 0.1, 1.0]))
    if layer == "batch":
        case |= {"rows": rows, "momentum": float(rng.choice([0.0, 0.5, 0.9, 0.99]))}
    return case


def main() -> None:
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(2015)
    cases: dict[str, list[dict[str, Any]]] = {}
    flat: dict[str, list[Any]] = {}

    def eighths(shape: list[int], relu: bool = False) -> Any:
        numbers = rng.integers(-16, 17, shape).astype(np.int8)
        return np.maximum(numbers, 0) if relu else numbers

    def tensor(numbers: Any) -> Any:
        return torch.tensor(numbers / 8.0, dtype=torch.float64, requires_grad=True)

    def first(value: Any) -> Any:
        """Channels last → channels first."""
        return value.movedim(-1, 1)

    def batch(x: Any, case: dict[str, Any], leaves: Any, before: Any) -> tuple[Any, Any, Any]:
        """The output of a batch in training, and the running mean and variance after it."""
        channels, weight = x.shape[-1], 1 - case["momentum"]
        zeros = torch.zeros(channels, dtype=torch.float64)
        mean, old = before or (zeros, zeros + 1)
        mean, variance = mean.clone(), old.clone()
        out = F.batch_norm(
            first(x),
            mean,
            variance,
            leaves["gamma"],
            leaves["beta"],
            training=True,
            momentum=weight,
            eps=case["epsilon"],
        )
        kept, n = old * (1 - weight), x.numel() // channels
        return out.movedim(1, -1), mean, kept + (variance - kept) * (n - 1) / n

    def keep(layer: str, **arrays: Any) -> None:
        for name, array in arrays.items():
            plain = array.detach().numpy() if isinstance(array, torch.Tensor) else array
            flat.setdefault(f"{layer}.{name}", []).append(plain.ravel())

    for layer in ("batch", "layer", "response"):
        cases[layer] = [drawn(rng, index, layer) for index in range(COUNT)]
        for case in cases[layer]:
            shape = case["shape"]
            stored = {"x": eighths(shape, case["relu"]), "ct": eighths(shape)}
            x = tensor(stored["x"])
            leaves = {"x": x}
            if layer != "response":
                stored |= {"gamma": eighths(shape[-1:]), "beta": eighths(shape[-1:])}
                leaves |= {name: tensor(stored[name]) for name in ("gamma", "beta")}
            if layer == "response":
                size = case["size"]
                wide = first(x if len(shape) > 2 else x[:, None])  # PyTorch wants a place
                wide = F.local_response_norm(
                    wide, size, case["alpha"] * size, case["beta"], case["k"]
                )
                out = wide.movedim(1, -1).reshape(shape)
            elif layer == "layer":
                out = F.layer_norm(x, shape[-1:], leaves["gamma"], leaves["beta"], case["epsilon"])
            else:
                out, mean, variance = batch(x, case, leaves, None)
                stored["second"] = eighths([case["rows"], *shape[1:]], case["relu"])
                _, mean, variance = batch(tensor(stored["second"]), case, leaves, (mean, variance))
                predicted = F.batch_norm(
                    first(x), mean, variance, leaves["gamma"], leaves["beta"], eps=case["epsilon"]
                ).movedim(1, -1)
                stored |= {"mean": mean, "variance": variance, "predicted": predicted}
            out.backward(tensor(stored["ct"]).detach())
            keep(layer, **stored, out=out, **{f"d{k}": leaf.grad for k, leaf in leaves.items()})
    arrays = {name: np.concatenate(parts) for name, parts in flat.items()}
    np.savez_compressed(FILE, cases=np.array(json.dumps(cases)), **arrays)


if __name__ == "__main__":
    main()
