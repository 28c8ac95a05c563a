"""What several workers spend in a step, part by part, and what that makes of 64 of them.

    python benchmarks/workers.py [--rounds 5] [--gbit 25] [--latency 50e-6]

Measured here, in CPU seconds of one core: a step on all rows, the share of each number of workers,
the update, the sums that an owner of a shard adds, and the exchange with others over the loopback,
which has a part for each byte and one for each worker. Not measured, but given: the bandwidth and
the latency of the network. A share and its exchange follow each other; nothing overlaps.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from pellucid.models import fitting
from pellucid.models.data import Data
from pellucid.workers.division import Division, runs, subtrees, traffic
from pellucid.workers.meeting import meet
from pellucid.workers.share import Meeting, Share
from pellucid.workers.wire import Mesh

CHUNKS = 64
Sizes = tuple[int, ...]


def cpu(function: Callable[[], Any], rounds: int) -> float:
    """CPU seconds of a call, the least of several: others run on this machine too."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def share_of(sizes: Sizes, rows: int) -> tuple[Share, Any, list[Any]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, sizes[0]), np.float32)
    y = rng.integers(0, sizes[-1], rows)
    model = pel.Sequential(
        [*(nn.Dense(n, "relu") for n in sizes[1:-1]), nn.Dense(sizes[-1])], seed=0
    )
    model.compile("adam", "cross_entropy")
    data = Data.of(model, x, y, "fit")
    task = model.task(data.types, False)
    start = fitting.start(model, task, {}, 1, False)
    job = fitting.job(model, task, data, 1, rows, chunk=rows // CHUNKS)
    state = [*start.params, *start.slots, *start.state, np.asarray(0, np.int64)]
    return Share(job.graph, 1), job, state


def computed(share: Share, job: Any, state: list[Any], workers: int, rounds: int) -> list[float]:
    """CPU seconds of the first worker up to the meeting, and of the update behind it."""
    division = Division(job.rows, job.rows // CHUNKS, workers)
    own = job.batch(np.arange(job.rows)[slice(*division.part(0))])
    before, behind = [], []
    for _ in range(rounds):
        start = time.process_time()
        running = share.step(job.inputs(state, 0.01, own), division, 0)
        _, sums = next(running)
        middle = time.process_time()
        try:
            running.send(sums[0])
        except StopIteration:
            behind.append(time.process_time() - middle)
        before.append(middle - start)
    return [min(before), min(behind)]


def _peer(
    own: int, count: int, ports: Any, gate: Any, length: int, times: int, chunks: int, told: Any
) -> None:
    """One of several processes that meet again and again."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        ports[own] = listener.getsockname()[1]
        gate.wait()
        ends = {}
        for peer in range(own):
            ends[peer] = socket.create_connection(("127.0.0.1", ports[peer]))
            ends[peer].sendall(bytes([own]))
        while len(ends) < count - 1:
            connection, _ = listener.accept()
            ends[connection.recv(1)[0]] = connection
    for connection in ends.values():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    mesh, division = Mesh(ends), Division(chunks, 1, count)
    meeting = Meeting((((length,), np.dtype(np.float32)),), ("add",))
    sums = [[np.ones(length, np.float32)] for _ in division.subtrees[own]]
    gate.wait()
    meet(mesh, own, division, meeting, sums, 2)
    start, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        meet(mesh, own, division, meeting, sums, 2)
    spent = time.process_time() - start
    told.put((spent / times, (time.perf_counter() - wall) / times, mesh.sent / (times + 1)))
    mesh.close()


def exchanged(
    count: int, length: int, times: int, chunks: int = CHUNKS
) -> tuple[float, float, float]:
    """CPU seconds of a worker a meeting, wall seconds of all, and bytes that all send."""
    spawn = multiprocessing.get_context("spawn")
    ports, gate, told = spawn.Array("i", count), spawn.Barrier(count), spawn.Queue()
    team = [
        spawn.Process(target=_peer, args=(n, count, ports, gate, length, times, chunks, told))
        for n in range(count)
    ]
    for one in team:
        one.start()
    found = [told.get() for _ in team]
    for one in team:
        one.join()
    return (
        statistics.mean(cpu for cpu, _, _ in found),
        max(wall for _, wall, _ in found),
        sum(sent for _, _, sent in found),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gbit", type=float, default=25)
    parser.add_argument("--latency", type=float, default=50e-6, help="seconds one way")
    parser.add_argument("--most", type=int, default=8, help="processes of a meeting")
    given = parser.parse_args()

    print("traffic of 8 chunks against a ring, bytes of all workers (1 MB of numbers):")
    for workers in (2, 3, 4, 5, 8):
        _, _, sent = exchanged(workers, 250_000, 3, chunks=8)
        print(f"  {workers} workers: {sent / (2 * (workers - 1) * 1e6):.3f}")

    length = 2_000_000
    small = {count: exchanged(count, 64, 200)[0] for count in (2, given.most)}
    a_peer = (small[given.most] - small[2]) / (given.most - 2)
    spent, _, sent = exchanged(2, length, 10)
    a_byte = (spent - small[2]) / (sent / 2)  # of what a worker sends; it receives as many
    print(
        "a meeting of 64 numbers, CPU µs a worker:", {n: round(s * 1e6) for n, s in small.items()}
    )
    print(f"each further worker {a_peer * 1e6:.0f} µs; each byte {a_byte * 1e9:.2f} ns")
    x, y = np.ones(length, np.float32), np.ones(length, np.float32)
    adding = cpu(lambda: np.add(x, y, out=x), 20) / length
    print(f"adding: {adding * 1e9:.2f} ns a number")

    for sizes, rows in (((784, 1000, 1000, 10), 4096), ((784, 1000, 1000, 10), 16384)):
        share, job, state = share_of(sizes, rows)
        numbers = sum(int(np.prod(kind)) for kind, _ in share.meetings[0].kinds)
        whole, update = computed(share, job, state, 1, given.rounds)
        print(f"\n{'-'.join(map(str, sizes))}, {numbers:,} numbers, batch {rows}, {CHUNKS} chunks")
        print(f"  one worker: {whole * 1e3:.1f} ms + update {update * 1e3:.1f} ms")
        for workers in (2, 4, 8, 16, 32, 64):
            own, update_too = computed(share, job, state, workers, given.rounds)
            counts = [len(subtrees(*span, CHUNKS)) for span in runs(CHUNKS, workers)]
            travels = 4 * traffic(numbers, counts) / workers
            line = travels / (given.gbit * 1e9 / 8)
            sums = adding * numbers * (workers - 1) / workers
            handling = a_byte * travels + a_peer * (workers - 1)
            total = own + update_too + sums + max(line, handling) + 3 * given.latency
            print(
                f"  {workers:2d} workers: {total * 1e3:7.2f} ms, {(whole + update) / total:5.1f} × "
                f"(share {own * 1e3:.2f}, update {update_too * 1e3:.2f}, adding {sums * 1e3:.2f}, "
                f"line {line * 1e3:.2f}, handling {handling * 1e3:.2f})"
            )


if __name__ == "__main__":
    main()
