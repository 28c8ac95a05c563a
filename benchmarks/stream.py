"""A table that is larger than memory allows: one pass over Parquet files, shuffled, by library.

    make bench ONLY=stream
    .venv-bench/bin/python benchmarks/step.py --only stream --rows 1000000
    .venv-bench/bin/python benchmarks/stream.py Pellucid FOLDER       # one library, one pass

In: a folder of Parquet files with 20 columns of float64 and a class, which `section` makes. Out:
seconds, processor seconds, peak memory, and the accuracy on rows that nobody trained on. All train
a network 20-64-64-2 with Adam and batches of 256 rows.

The others shuffle as is usual: files in a random order, and the rows of each file (500,000) in
memory. PyTorch's DataLoader is given whole batches: with a call for each row it takes several times
longer. PyTorch and scikit-learn have one thread, with which this network is faster than with two.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from page import Page, measured_on
from turns import command, there

STREAM = "Rows that stream from Parquet"
COLUMNS, PART, BATCH, RATE = 20, 500_000, 256, 1e-3
LIBRARIES = (
    "Pellucid",
    "PyTorch, DataLoader",
    "scikit-learn, MLPClassifier.partial_fit",
    "scikit-learn, SGDClassifier.partial_fit",
)
Batch = tuple[np.ndarray, np.ndarray]


def drawn(rows: int, seed: int) -> Batch:
    """Rows of a class that a curved border separates, with noise."""
    draw = np.random.default_rng(seed)
    weights = np.random.default_rng(0).normal(size=COLUMNS)
    x = draw.normal(size=(rows, COLUMNS))
    score = x @ weights + 2 * np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2]
    return x, (score + draw.normal(size=rows) > 0).astype(np.int64)


def make(folder: Path, rows: int) -> None:
    """Writes the files."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    for part in range(-(-rows // PART)):
        x, y = drawn(min(PART, rows - part * PART), part + 1)
        columns = {f"x{j}": np.ascontiguousarray(x[:, j]) for j in range(COLUMNS)} | {"y": y}
        with duckdb.connect() as connection:
            connection.register("columns", columns)
            place = folder / f"part-{part:03d}.parquet"
            connection.execute(f"COPY columns TO '{place}' (FORMAT parquet)")


def shuffled_files(folder: Path) -> Iterator[Batch]:
    """The rows of each file in a random order, file by file in a random order."""
    import duckdb

    draw = np.random.default_rng(0)
    files = sorted(folder.glob("*.parquet"))
    for number in draw.permutation(len(files)):
        cells = ", ".join(f"x{j}::FLOAT AS x{j}" for j in range(COLUMNS))
        with duckdb.connect(config={"threads": "2"}) as connection:
            query = f"SELECT {cells}, y FROM '{files[number]}'"
            found = connection.execute(query).fetchnumpy()
        x = np.stack([found[f"x{j}"] for j in range(COLUMNS)], axis=1)
        order = draw.permutation(len(x))
        yield x[order], found["y"][order]


Trained = Callable[[np.ndarray], np.ndarray]  # predicts classes


def pellucid(folder: Path, threads: int) -> Trained:
    import pellucid as pel

    layers = [pel.nn.Dense(64, "relu"), pel.nn.Dense(64, "relu"), pel.nn.Dense(2)]
    model = pel.Sequential(layers, seed=0)
    model.compile(pel.optim.Adam(RATE), "cross_entropy")
    stream = pel.data.stream_table(folder, "y")
    model.fit(stream, batch_size=BATCH, seed=0, verbose=0, threads=threads)
    return lambda x: model.predict(x).argmax(axis=1)


def pytorch(folder: Path, threads: int) -> Trained:
    import torch
    from torch.utils.data import DataLoader, IterableDataset

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    class Rows(IterableDataset):
        def __iter__(self) -> Iterator[Any]:
            for x, y in shuffled_files(folder):
                pair = torch.from_numpy(x), torch.from_numpy(y)
                yield from zip(*(one.split(BATCH) for one in pair), strict=True)

    model = torch.nn.Sequential(
        torch.nn.Linear(COLUMNS, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 2),
    )
    optimizer = torch.optim.Adam(model.parameters(), RATE, foreach=True)
    loss = torch.nn.CrossEntropyLoss()
    for x, y in DataLoader(Rows(), batch_size=None):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return lambda x: model(torch.from_numpy(x)).argmax(dim=1).numpy()


def mlp(folder: Path, threads: int) -> Trained:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((64, 64), batch_size=BATCH, learning_rate_init=RATE, alpha=0)
    for x, y in shuffled_files(folder):
        model.partial_fit(x, y, classes=[0, 1])
    return model.predict


def sgd(folder: Path, threads: int) -> Trained:
    """A linear model: less is learned, in less time."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier("log_loss", random_state=0)
    for x, y in shuffled_files(folder):
        model.partial_fit(x, y, classes=[0, 1])
    return model.predict


def worker(library: str, folder: Path, threads: int) -> dict[str, float]:
    """One pass of a library, in this process; what is imported and compiled counts."""
    makers = {"Pellucid": pellucid, "PyTorch": pytorch, "scikit-learn": mlp}
    maker = sgd if "SGD" in library else makers[library.split(",")[0]]
    x, y = drawn(100_000, 10**6)
    x = x.astype(np.float32)
    began, started = time.process_time(), time.perf_counter()
    predict = maker(folder, threads)
    seconds, used = time.perf_counter() - started, time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory *= 1 if sys.platform == "darwin" else 1024
    accuracy = float(np.mean(predict(x) == y))
    return {"seconds": seconds, "used": used, "memory": memory, "accuracy": accuracy}


def measured(library: str, folder: Path, threads: int) -> dict[str, float]:
    """What `worker` gives, from a process of its own."""
    own = threads if library == "Pellucid" else 1
    line, environment = command("stream.py", own, library, str(folder))
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def section(given: argparse.Namespace, page: Page) -> None:
    """One epoch of each library in turn."""
    threads, rounds = 2, min(3, given.rounds)
    folder = Path(tempfile.mkdtemp(prefix="pellucid-bench-"))
    try:
        make(folder, given.rows)
        libraries = there(LIBRARIES)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in libraries}
        for _ in range(rounds):
            for name in libraries:
                found[name].append(measured(name, folder, threads))
                print(name, found[name][-1], flush=True)
        size = sum(path.stat().st_size for path in folder.iterdir())
    finally:
        shutil.rmtree(folder)
    page.put(STREAM, text(found, given.rows, size, threads, rounds))


def text(
    found: dict[str, list[dict[str, float]]], rows: int, size: int, threads: int, rounds: int
) -> list[str]:
    """The section of the page."""
    lines = measured_on(LIBRARIES, rounds)
    lines += [
        f"One epoch over {rows:,} rows of {COLUMNS} float64 columns and a class in Parquet "
        f"files ({size / 1e9:.1f} GB): a network 20-64-64-2, Adam, batches of {BATCH}, float32, "
        "from the import of the library to the last step. Pellucid orders all rows at random "
        f"(DuckDB may take 1,000 MB) and has {threads} threads. The others shuffle the files, and "
        "the rows within each; they have one thread, with which this network is faster than with "
        "two. PyTorch's DataLoader is given whole batches. SGDClassifier is a linear model. "
        "Accuracy is that on 100,000 other rows.",
        "",
        "| library | seconds | processor s | peak MB | accuracy | Pellucid / row, processor s |",
        "|---|---|---|---|---|---|",
    ]
    for name, several in found.items():
        middle = {key: statistics.median(one[key] for one in several) for key in several[0]}
        ratio = statistics.median(
            ours["used"] / one["used"] for ours, one in zip(found["Pellucid"], several, strict=True)
        )
        lines.append(
            f"| {name} | {middle['seconds']:.1f} | {middle['used']:.1f} | "
            f"{middle['memory'] / 1e6:,.0f} | {middle['accuracy']:.3f} | {ratio:.2f} |"
        )
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    asked: Any = parser.parse_args()
    print(json.dumps(worker(asked.library, asked.folder, asked.threads)))
