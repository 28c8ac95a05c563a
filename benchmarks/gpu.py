"""Training steps on a GPU: Pellucid under XLA, JAX by hand, PyTorch eager and compiled.

    python benchmarks/gpu.py [--minutes 6] [--device cpu] [--small]

One network is one list of layers, which each library builds in its own way. Every library runs in a
process of its own, in float32 and with products in bfloat16; a step gathers its rows on the device.
Without a GPU it says so. `--device cpu --small` tries the script itself.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LIBRARIES = ("Pellucid, XLA", "JAX by hand", "PyTorch, compiled", "PyTorch, eager")
PRECISIONS = ("float32", "bfloat16")
RATE, MOMENTUM = 0.01, 0.9
SECONDS = 1.0  # of steps in a round
ROUNDS = 5

Layers = list[tuple[Any, ...]]


def dense(*units: int) -> Layers:
    found: Layers = []
    for one in units[:-1]:
        found += [("dense", one), ("relu",)]
    return [*found, ("dense", units[-1])]


LENET: Layers = [
    ("conv", 6, 5, 1, 2, 1),
    ("relu",),
    ("mean", 2, 2),
    ("conv", 16, 5, 1, 0, 1),
    ("relu",),
    ("mean", 2, 2),
    ("flatten",),
    *dense(120, 84, 10),
]
ALEXNET: Layers = [
    ("conv", 96, 11, 4, 0, 1),
    ("relu",),
    ("max", 3, 2),
    ("conv", 256, 5, 1, 2, 2),
    ("relu",),
    ("max", 3, 2),
    ("conv", 384, 3, 1, 1, 1),
    ("relu",),
    ("conv", 384, 3, 1, 1, 2),
    ("relu",),
    ("conv", 256, 3, 1, 1, 2),
    ("relu",),
    ("max", 3, 2),
    ("flatten",),
    *dense(4096, 4096, 1000),
]
# layers, shape of a row, rows a step, rows of data, classes
NETS: dict[str, tuple[Layers, tuple[int, ...], int, int, int]] = {
    "784-200-10, batch 100": (dense(200, 10), (784,), 100, 60_000, 10),
    "784-4096³-10, batch 256": (dense(4096, 4096, 4096, 10), (784,), 256, 25_600, 10),
    "LeNet-5, batch 128": (LENET, (28, 28, 1), 128, 12_800, 10),
    "AlexNet, batch 128": (ALEXNET, (227, 227, 3), 128, 1_280, 1000),
}
SMALL: dict[str, tuple[Layers, tuple[int, ...], int, int, int]] = {
    "16-8-3": (dense(8, 3), (16,), 10, 40, 3),
    "LeNet-5": (LENET, (28, 28, 1), 4, 8, 10),
}

Steps = Callable[[int], None]  # takes so many steps, and returns when they are done


def data(shape: tuple[int, ...], rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.random((rows, *shape), np.float32), draw.integers(0, classes, rows)


def pellucid(case: Any, precision: str, device: str) -> Steps:
    import pellucid as pel

    layers, shape, batch, rows, classes = case
    nn = pel.nn
    made: list[Any] = []
    for kind, *given in layers:
        if kind == "conv":
            maps, size, stride, padding, groups = given
            made.append(nn.Conv2D(maps, size, stride, padding, groups=groups))
        elif kind == "dense":
            made.append(nn.Dense(given[0]))
        elif kind == "relu":
            made.append(nn.Activation("relu"))
        elif kind == "flatten":
            made.append(nn.Flatten())
        else:
            made.append((nn.MaxPool2D if kind == "max" else nn.AveragePool2D)(*given))
    model = pel.Sequential(made, seed=0)
    model.compile(pel.optim.SGD(RATE, momentum=MOMENTUM), loss="cross_entropy")
    kept: list[Any] = []

    class Keeps(pel.Callback):
        def on_end(self, run: Any) -> None:
            kept.append(run.engine)

    how = {"backend": "xla", "device": device, "verbose": 0, "seed": 0, "callbacks": Keeps()}
    if precision == "bfloat16":
        how["precision"] = precision
    model.fit(*data(shape, rows, classes), batch_size=batch, epochs=1, **how)
    engine, most = kept[0], rows // batch
    rates, epoch = np.full(most, RATE), iter(range(1, 1 << 30))

    def steps(count: int) -> None:
        for start in range(0, count, most):
            now = min(most, count - start)
            engine.run(engine.order(0, next(epoch))[: now * batch], rates[:now], batch)

    return steps


def jax(case: Any, precision: str, device: str) -> Steps:
    import jax
    import jax.numpy as jnp
    from jax import lax

    layers, shape, batch, rows, classes = case
    kind = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    jax.config.update("jax_default_matmul_precision", "highest")
    where = jax.devices(device)[0]
    draw = np.random.default_rng(1)
    x, y = (jax.device_put(one, where) for one in data(shape, rows, classes))

    def start(*sizes: int) -> Any:
        spread = math.sqrt(2 / math.prod(sizes[:-1]))
        return jnp.asarray(draw.normal(0, spread, sizes).astype(np.float32))

    weights, size = [], shape
    for name, *given in layers:
        if name == "conv":
            maps, k, stride, padding, groups = given
            weights.append((start(k, k, size[-1] // groups, maps), jnp.zeros(maps)))
            size = (*[(n + 2 * padding - k) // stride + 1 for n in size[:2]], maps)
        elif name == "dense":
            weights.append((start(math.prod(size), given[0]), jnp.zeros(given[0])))
            size = (given[0],)
        elif name in ("max", "mean"):
            size = (*[(n - given[0]) // given[1] + 1 for n in size[:2]], size[2])

    def forward(p: Any, x: Any) -> Any:
        turn = iter(p)
        for name, *given in layers:
            if name == "conv":
                (w, b), (_, _, stride, padding, groups) = next(turn), given
                x = lax.conv_general_dilated(
                    x.astype(kind),
                    w.astype(kind),
                    (stride, stride),
                    [(padding, padding)] * 2,
                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                    feature_group_count=groups,
                ).astype(jnp.float32)
                x = x + b
            elif name == "dense":
                w, b = next(turn)
                x = jnp.dot(x.astype(kind), w.astype(kind), preferred_element_type=jnp.float32)
                x = x + b
            elif name == "relu":
                x = jax.nn.relu(x)
            elif name == "flatten":
                x = x.reshape(len(x), -1)
            else:
                window, stride = ((1, n, n, 1) for n in given)
                if name == "max":
                    x = lax.reduce_window(x, -jnp.inf, lax.max, window, stride, "VALID")
                else:
                    x = lax.reduce_window(x, 0.0, lax.add, window, stride, "VALID") / given[0] ** 2
        return x

    def loss(p: Any, x: Any, y: Any) -> Any:
        out = jax.nn.log_softmax(forward(p, x))
        return -jnp.mean(jnp.take_along_axis(out, y[:, None], 1))

    def scanned(state: Any, order: Any) -> Any:
        def body(state: Any, chosen: Any) -> Any:
            p, v = state
            value, g = jax.value_and_grad(loss)(p, x[chosen], y[chosen])
            v = jax.tree.map(lambda a, b: MOMENTUM * a + b, v, g)
            return (jax.tree.map(lambda a, b: a - RATE * b, p, v), v), value

        return lax.scan(body, state, order)

    run = jax.jit(scanned, donate_argnums=0)
    box = [(weights, jax.tree.map(jnp.zeros_like, weights))]
    most = rows // batch

    def steps(count: int) -> None:
        losses = None
        for _ in range(-(-count // most)):  # whole epochs: another length is another program
            order = draw.permutation(rows)[: most * batch].reshape(-1, batch)
            box[0], losses = run(box[0], jnp.asarray(order))
        jax.block_until_ready(losses)

    return steps


def torch(case: Any, precision: str, device: str, compiled: bool) -> Steps:
    import torch

    layers, shape, batch, rows, classes = case
    where = torch.device("cuda" if device == "gpu" else device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    made: list[Any] = []
    for kind, *given in layers:
        if kind == "conv":
            maps, size, stride, padding, groups = given
            made.append(torch.nn.LazyConv2d(maps, size, stride, padding, groups=groups))
        elif kind == "dense":
            made.append(torch.nn.LazyLinear(given[0]))
        elif kind == "relu":
            made.append(torch.nn.ReLU())
        elif kind == "flatten":
            made.append(torch.nn.Flatten())
        else:
            made.append((torch.nn.MaxPool2d if kind == "max" else torch.nn.AvgPool2d)(*given))
    pixels, labels = data(shape, rows, classes)
    if len(shape) == 3:
        pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    x, y = torch.from_numpy(pixels).to(where), torch.from_numpy(labels).to(where)
    model = torch.nn.Sequential(*made).to(where)
    model(x[:2])  # the lazy layers learn their sizes
    if len(shape) == 3:
        model, x = (one.to(memory_format=torch.channels_last) for one in (model, x))
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
    run = torch.compile(model) if compiled else model
    narrow = torch.autocast(where.type, torch.bfloat16, enabled=precision == "bfloat16")
    measure = torch.nn.CrossEntropyLoss()

    def steps(count: int) -> None:
        left = count
        while left > 0:
            for chosen in torch.randperm(rows, device=where).split(batch)[:left]:
                optimizer.zero_grad()
                with narrow:
                    value = measure(run(x[chosen]), y[chosen])
                value.backward()
                optimizer.step()
                left -= 1
        if where.type == "cuda":
            torch.cuda.synchronize()

    return steps


def made(library: str, case: Any, precision: str, device: str) -> Steps:
    if library == LIBRARIES[0]:
        return pellucid(case, precision, device)
    if library == LIBRARIES[1]:
        return jax(case, precision, device)
    return torch(case, precision, device, library == LIBRARIES[2])


def work(library: str, precision: str, device: str, small: bool) -> None:
    """Prints a line of JSON for each network: its name and µs a step of each round."""
    for name, case in (SMALL if small else NETS).items():
        try:
            steps, whole = made(library, case, precision, device), case[3] // case[2]
            steps(whole)
            started = time.perf_counter()
            steps(whole)
            epochs = max(1, int(SECONDS / (time.perf_counter() - started)))
            found = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                steps(epochs * whole)
                found.append((time.perf_counter() - started) / (epochs * whole) * 1e6)
            print(json.dumps({"net": name, "times": found}), flush=True)
        except Exception as error:  # one network that does not run leaves the others
            print(
                json.dumps({"net": name, "error": f"{type(error).__name__}: {error}"}), flush=True
            )


def card(device: str) -> str | None:
    """What stands in the machine; None where JAX sees no such device."""
    code = f"import jax; print(jax.devices({device!r})[0].device_kind)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or None if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--work", nargs=2, metavar=("LIBRARY", "PRECISION"))
    given = parser.parse_args()
    if given.work:
        work(*given.work, given.device, given.small)
        return
    kind = card(given.device)
    if kind is None:
        print("No GPU: JAX sees none on this machine, so nothing was measured.")
        return
    end = time.monotonic() + 60 * given.minutes - 10
    print(f"µs a step on {kind}, medians of {ROUNDS} rounds.")
    nets = list(SMALL if given.small else NETS)
    options = ["--device", given.device, *(["--small"] if given.small else [])]
    left = len(PRECISIONS) * len(LIBRARIES)
    for precision in PRECISIONS:
        rows: dict[str, dict[str, str]] = {name: {} for name in nets}
        best: dict[str, dict[str, float]] = {name: {} for name in nets}
        notes = []
        for library in LIBRARIES:
            share = max(1.0, (end - time.monotonic()) / left)
            left -= 1
            command = [sys.executable, __file__, "--work", library, precision, *options]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=share)
                text = done.stdout
            except subprocess.TimeoutExpired as error:
                text = (error.stdout or b"").decode()
                notes.append(f"{library}: ended after {share:.0f} s, its share of the time")
            for line in filter(lambda one: one.startswith("{"), text.splitlines()):
                one = json.loads(line)
                if "error" in one:
                    notes.append(f"{library}, {one['net']}: {one['error'][:200]}")
                    continue
                best[one["net"]][library] = statistics.median(one["times"])
                rows[one["net"]][library] = f"{best[one['net']][library]:,.0f}"
        print(f"\n{precision}\n\n| network | {' | '.join(LIBRARIES)} | Pellucid / best other |")
        print("|---" * (len(LIBRARIES) + 2) + "|")
        for name in nets:
            cells = [rows[name].get(library, "–") for library in LIBRARIES]
            others = [best[name][one] for one in LIBRARIES[1:] if one in best[name]]
            own = best[name].get(LIBRARIES[0])
            ratio = f"{own / min(others):.2f}" if own and others else "–"
            print(f"| {name} | {' | '.join(cells)} | {ratio} |")
        print("\n".join(["", *notes]) if notes else "", flush=True)


if __name__ == "__main__":
    main()
