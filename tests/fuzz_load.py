"""Mutated model files: `load` gives a model or an error of ours, in bounded time and memory.

    python -m tests.fuzz_load --count 50000 --seed 1

Each file is changed in one of two ways: bytes at random, or its parts in their own grammar (the
description, graph texts in it, the table of arrays) and put together again, so that changes reach
far behind the first checks. Only `pel.load` and the container's format are used.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import random
import re
import signal
import struct
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.config import _RECORDS
from pellucid.core.errors import PellucidError
from pellucid.ops.spec import REGISTRY

SECONDS, TIMES = 1.0, 20  # of processor time: 1 s + 20 × that of the file before
BYTES, SIZES = 64 * 2**20, 4  # 64 MB + 4 × the size of the file
HANGS = 60  # seconds after which a load is given up


# -- files to start from ----------------------------------------------------------------------


def _perceptron() -> pel.Sequential:
    model = pel.Sequential(
        [nn.Rescale(0.5), nn.Dense(5, activation="tanh"), nn.Dropout(0.2), nn.Dense(3)], seed=1
    )
    model.compile(
        optim.Adam(optim.Step(0.05, 0.5, every=4)),
        "cross_entropy",
        metrics=["accuracy"],
        regularizer=[nn.L2(0.01, biases=True)],
    )
    x, y = np.random.default_rng(0).normal(size=(24, 6)), np.arange(24) % 3
    model.fit(x, y, epochs=2, batch_size=8, seed=3, verbose=0, validation_data=(x, y))
    return model


def _convolution() -> pel.Sequential:
    model = pel.Sequential(
        [
            nn.Conv2D(4, 3, padding="same", activation="relu", groups=2),
            nn.BatchNorm(),
            nn.MaxPool2D(2),
            nn.Conv2D(2, 2, connections=((0, 1), (2,)), pieces=2),
            nn.Flatten(),
            nn.Maxout(3),
            nn.Polynomial(2),
            nn.Dense(2),
        ],
        seed=2,
    )
    model.compile(optim.SGD(0.01, momentum=0.9), "cross_entropy", metrics=["accuracy"])
    x, y = np.random.default_rng(0).normal(size=(12, 6, 6, 2)), np.arange(12) % 2
    model.fit(x, y, epochs=1, batch_size=4, seed=0, verbose=0)
    return model


def _functions() -> pel.Sequential:
    scale = np.array([1.0, 2.0, 3.0], np.float32)

    def swish(z: Any) -> Any:
        return z / (1 + np.exp(-z))

    def weighted(y_true: Any, y_pred: Any) -> Any:
        return (scale * (y_pred - y_true) ** 2).sum(axis=-1)

    def worst(y_true: Any, y_pred: Any) -> Any:
        return abs(y_pred - y_true).max(axis=-1)

    model = pel.Sequential(
        [
            nn.Basis(lambda v: np.concatenate([v, v**2], axis=1)),
            nn.Dense(4, activation=swish),
            nn.RBF(((0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)), 2.0),
            nn.Dense(3),
        ],
        seed=0,
    )
    model.compile(optim.RMSprop(0.05), weighted, metrics=[worst])
    x, y = np.random.default_rng(0).normal(size=(10, 5)), np.eye(3)[np.arange(10) % 3]
    model.fit(x, y, epochs=1, batch_size=5, seed=0, verbose=0)
    return model


def _kept() -> pel.Sequential:
    inputs = pel.Input((4,))
    hidden = nn.Dense(3, activation="relu", name="hidden")(inputs)
    model = pel.Model(inputs, nn.Dense(1)(nn.Concat()([hidden, inputs])), seed=0)
    model.compile(optim.Adam(0.01), "squared", metrics=["absolute_error"])
    x = np.random.default_rng(0).normal(size=(20, 4))
    stop = pel.EarlyStopping("val_loss", patience=3, restore_best=True)
    model.fit(
        x, x[:, 0], validation_data=(x, x[:, 1]), epochs=3, seed=0, verbose=0, callbacks=[stop]
    )
    return model


def _table() -> Any:
    draw = np.random.default_rng(0)
    rows = {
        "height": np.where(np.arange(60) % 9 == 0, np.nan, draw.normal(size=60)),
        "city": [f"city {k}" for k in draw.integers(0, 12, 60)],
        "day": np.datetime64("2024-01-01") + draw.integers(0, 300, 60) * np.timedelta64(1, "D"),
        "size": [("S", "M", "L")[k] for k in draw.integers(0, 3, 60)],
    }
    return pel.fit_table(rows, "size", quick=True, verbose=0)


BASES: dict[str, Callable[[], Any]] = {
    "perceptron": _perceptron,
    "convolution": _convolution,
    "functions": _functions,
    "kept": _kept,
    "table": _table,
}


# -- the container ----------------------------------------------------------------------------


@dataclass
class Parts:
    """A file taken apart: its table of arrays, its description, its bytes."""

    header: dict[str, Any]
    document: Any
    body: bytes


def apart(data: bytes) -> Parts:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    document = json.loads(header.pop("__metadata__")["pellucid"])
    return Parts(header, document, data[8 + length :])


def together(parts: Parts) -> bytes:
    header = {"__metadata__": {"pellucid": json.dumps(parts.document)}, **parts.header}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + parts.body


# -- changes ----------------------------------------------------------------------------------

_NUMBERS = [0, 1, -1, 2, 3, 7, 64, 255, 2**24, 2**31, 2**32, 2**53, 2**62, 2**63, 2**64, 10**30]
_ATOMS: list[Any] = [
    *_NUMBERS,
    *(None, True, False, 0.5, -0.0, 1e-300, 1e308, "", "x", "nan", "inf", "relu", "Dense", "ä"),
    *("\ud800", "x" * 2000, "0", "1", "..", [], {}, [0], [[]], [1] * 70, [0] * 2000, "9" * 5000),
    *({"type": "Dense", "units": 3}, {"type": "function"}, {"type": "float", "value": "nan"}),
]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _places(value, (*path, key))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _number(draw: random.Random, old: Any) -> Any:
    return draw.choice([*_NUMBERS, old + 1, old - 1, old * 2, old * 1000, -old])


def _changed(draw: random.Random, old: Any, tree: Any) -> Any:
    """Another value in place of `old`, often of its kind."""
    if draw.random() < 0.25:
        return copy.deepcopy(draw.choice(_ATOMS))
    if draw.random() < 0.1:
        return copy.deepcopy(_at(tree, draw.choice(list(_places(tree)))))
    if isinstance(old, bool):
        return not old
    if isinstance(old, (int, float)):
        return _number(draw, old)
    if isinstance(old, str):
        if "graph(" in old:
            return text_changed(draw, old)
        return draw.choice([old + "x", old[:-1], old.upper(), *_RECORDS])
    if isinstance(old, list) and old:
        at = draw.randrange(len(old))
        some = copy.deepcopy(old[at])
        times = draw.choice([1, 1, 2, 30])
        choices = (
            old[:at] + old[at + 1 :],
            old[:at] + [some] * times + old[at:],
            old[::-1],
            [old],
            dict(enumerate(old)),
        )
        return draw.choice(choices)
    if isinstance(old, dict) and old:
        key = draw.choice(list(old))
        value = copy.deepcopy(old[key])
        rest = {k: v for k, v in old.items() if k != key}
        return draw.choice([rest, {**rest, f"{key}x": value}, {**old, "extra": value}, [old]])
    return copy.deepcopy(draw.choice(_ATOMS))


def document_changed(draw: random.Random, document: Any) -> Any:
    """One to three places of the description."""
    document = copy.deepcopy(document)
    for _ in range(draw.choice([1, 1, 2, 3])):
        places = list(_places(document))
        texts = [path for path in places if "graph(" in str(_at(document, path))[:6]]
        path = draw.choice(texts if texts and draw.random() < 0.4 else places)
        if not path:
            return _changed(draw, document, document)
        value = _changed(draw, _at(document, path), document)
        _at(document, path[:-1])[path[-1]] = value
    return document


_TOKEN = re.compile(r"[A-Za-z_][\w.]*|[0-9]+N?|\s+|.", re.DOTALL)
_DTYPES = ["f32", "f64", "i64", "i32", "b1", "u8"]


def text_changed(draw: random.Random, text: str) -> str:
    """A graph text with tokens or lines changed."""
    for _ in range(draw.choice([1, 1, 2, 4])):
        rows = text.split("\n")
        if draw.random() < 0.3:
            at = draw.randrange(len(rows))
            new = draw.choice(
                [[], [rows[at]] * draw.choice([2, 50]), [draw.choice(rows), rows[at]], [""]]
            )
            text = "\n".join(rows[:at] + new + rows[at + 1 :])
            continue
        tokens = _TOKEN.findall(text) or [""]
        at = draw.randrange(len(tokens))
        old = tokens[at]
        if old[:1].isdigit():
            new_token = str(draw.choice([*_NUMBERS, "N", "3N", "9" * 400, "1.5", "-1"]))
        elif old in REGISTRY:
            new_token = draw.choice(sorted(REGISTRY))
        elif old in _DTYPES:
            new_token = draw.choice(_DTYPES)
        else:
            odd = ["(", ")", ",", "=", "[", "]", '"', "#", "→", "(" * 50, " " * 500, "\0", "v1"]
            new_token = draw.choice([*odd, draw.choice(tokens), "", old * 2])
        text = "".join([*tokens[:at], new_token, *tokens[at + 1 :]])
    return text


def header_changed(draw: random.Random, parts: Parts) -> Parts:
    """The table of arrays: names, types, shapes, places, new entries, missing ones."""
    header = copy.deepcopy(parts.header)
    names = list(header)
    for _ in range(draw.choice([1, 1, 2])):
        name = draw.choice(names)
        entry = header.get(name)
        if not isinstance(entry, dict):
            continue
        kind = draw.randrange(8)
        if kind == 0:
            entry[draw.choice(["shape", "data_offsets", "dtype"])] = copy.deepcopy(
                draw.choice(_ATOMS)
            )
        elif kind == 1:
            shape = list(entry["shape"]) if isinstance(entry["shape"], list) else [1]
            entry["shape"] = draw.choice([shape[::-1], [1, *shape], [*shape, 1], [1] * 70, [0]])
        elif kind == 2:
            empty = [0, *draw.choices(_NUMBERS, k=draw.choice([1, 3, 70]))]
            header["params/new"] = {"dtype": "F32", "shape": empty, "data_offsets": [0, 0]}
        elif kind == 3:
            header.pop(name)
        elif kind == 4:
            word = draw.choice(["params", "kept/1/params", "history/steps", "functions/0", "slots"])
            header[f"{word}/{name.rpartition('/')[2]}"] = header.pop(name)
        elif kind == 5:
            entry["dtype"] = draw.choice(["F32", "I32", "U32", "F64", "I64", "BOOL", "BF16", "U8"])
        elif kind == 6:
            other = draw.choice(names)
            header[name], header[other] = header.get(other), entry
        else:
            header[name] = copy.deepcopy(draw.choice(_ATOMS))
    return Parts(header, parts.document, parts.body)


def bytes_changed(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    (length,) = struct.unpack("<Q", data[:8])
    end = 8 + length if draw.random() < 0.8 else len(data)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        at = draw.randrange(end)
        kind = draw.random()
        if kind < 0.6:
            changed[at] = draw.randrange(256)
        elif kind < 0.8:
            changed[at] ^= 1 << draw.randrange(8)
        elif kind < 0.9:
            del changed[at : at + draw.choice([1, 2, 100])]
        else:
            changed[at:at] = bytes(draw.choice(b'0123456789[]{}",:eN ') for _ in range(3))
        end = min(end, len(changed))
        if end == 0:
            break
    return bytes(changed)


def mutant(draw: random.Random, data: bytes) -> bytes:
    """One changed file."""
    kind = draw.random()
    if kind < 0.25:
        return bytes_changed(draw, data)
    parts = apart(data)
    if kind < 0.45:
        parts = header_changed(draw, parts)
    if kind > 0.4:
        parts.document = document_changed(draw, parts.document)
    with contextlib.suppress(UnicodeEncodeError):
        return together(parts)
    return data


# -- the trial --------------------------------------------------------------------------------


class Hangs(BaseException):
    """Raised in a load that does not end."""


def _give_up(*_: Any) -> None:
    raise Hangs


@dataclass
class Outcome:
    """What a run saw.

    Args:
        failures: the mutants that broke a rule, with what they did.
        loaded, refused: how many came in, and how many were refused in our words.
        seconds, bytes: the most that one took beyond what its original takes.
    """

    failures: list[tuple[str, bytes]] = field(default_factory=list)
    loaded: int = 0
    refused: int = 0
    seconds: float = 0.0
    bytes: int = 0


def load_raising(path: Path) -> BaseException | None:
    """What `load` raised; `Hangs` where it did not end."""
    previous = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        pel.load(path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return None


def load_measured(path: Path) -> tuple[BaseException | None, float, int]:
    """What `load` raised, its processor time, and the most memory it held.

    It is loaded twice: counting the memory takes time.
    """
    start = time.process_time()
    raised = load_raising(path)
    seconds = time.process_time() - start
    tracemalloc.start()
    try:
        load_raising(path)
        return raised, seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def broken_rule(
    data: bytes, raised: BaseException | None, seconds: float, peak: int, usual: float
) -> str | None:
    """Which rule a load broke: what it raised, its time or its memory; None where it kept them.

    Args:
        usual: the time of the file that it was made from.
    """
    if raised is not None and not isinstance(raised, PellucidError):
        return "another exception"
    if seconds > SECONDS + TIMES * usual:
        return f"{seconds:.1f} s"
    if peak > BYTES + SIZES * len(data):
        return f"{peak:,} bytes for {len(data):,}"
    return None


def original(folder: Path, name: str) -> tuple[bytes, float]:
    """A file to start from, and the processor time that loading it takes."""
    path = folder / f"{name}.safetensors"
    BASES[name]().save(path, overwrite=True)
    return path.read_bytes(), usual_seconds(path)


def fuzz(
    folder: Path, count: int, seed: int, tell: Callable[[int, Outcome], None] | None = None
) -> Outcome:
    """Loads `count` mutants; the same seed gives the same mutants."""
    outcome, path = Outcome(), folder / "mutant.safetensors"
    known: dict[str, tuple[bytes, float]] = {}
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")
        name = draw.choice(list(BASES))
        if name not in known:
            known[name] = original(folder, name)
        whole, usual = known[name]
        data = mutant(draw, whole)
        path.write_bytes(data)
        raised, seconds, peak = load_measured(path)
        outcome.loaded += raised is None
        outcome.refused += isinstance(raised, PellucidError)
        outcome.seconds = max(outcome.seconds, seconds - TIMES * usual)
        outcome.bytes = max(outcome.bytes, peak - SIZES * len(data))
        rule = broken_rule(data, raised, seconds, peak, usual)
        if rule is not None:
            said = f"{type(raised).__name__} {str(raised)[:200]}"
            outcome.failures.append((f"{name} {seed}/{number}: {rule}: {said}", data))
        if tell is not None:
            tell(number + 1, outcome)
    return outcome


def usual_seconds(path: Path) -> float:
    """The processor time that loading a good file takes."""
    found = []
    for _ in range(3):
        start = time.process_time()
        raised = load_raising(path)
        assert raised is None, f"{path}: {raised!r}"
        found.append(time.process_time() - start)
    return min(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the mutants that fail")
    options = parser.parse_args()

    def tell(number: int, outcome: Outcome) -> None:
        if number % 500 == 0:
            print(f"{number}: {len(outcome.failures)} failures", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz(Path(folder), options.count, options.seed, tell)
    print(
        f"{options.count} mutants: {outcome.loaded} loaded, {outcome.refused} refused, "
        f"{len(outcome.failures)} failures; at most {outcome.seconds:.2f} s and "
        f"{outcome.bytes / 2**20:.1f} MB beyond the multiple of their file"
    )
    for number, (said, data) in enumerate(outcome.failures):
        if number < 20:
            print(said)
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{number}.safetensors").write_bytes(data)
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
