"""A worker: a process that computes a share of each step and hears from the one that trains.

It connects to the process that called `fit`, says where others reach it, and does what it is told:

    setup     the graph and what stays the same through the run; it answers `ready`
    roster    who takes part from now on: connections to all of them
    state     the arrays of the run
    step      rows, rate: a step, together with all others

Where a worker is lost in the middle of a step, everyone drops the connections of the step and waits
for a new roster. The state is that before the step until the step is done.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pellucid
from pellucid.core.errors import PellucidError
from pellucid.graph.node import Constant
from pellucid.graph.text import parse_graph
from pellucid.ops.spec import type_of
from pellucid.train.engines import Job
from pellucid.transform.arrays import type_of as array_type
from pellucid.workers.division import Division
from pellucid.workers.meeting import meet
from pellucid.workers.pulse import answer
from pellucid.workers.share import Share
from pellucid.workers.wire import (
    Address,
    Lost,
    Mesh,
    accept,
    connect,
    greeting,
    listen,
    no_one,
    receive,
    send,
    waiting,
)

Array = np.ndarray[Any, Any]
VERSION = f"{pellucid.__version__}, {sys.byteorder}"  # what must be equal with all of a run
_TOLD = ("setup", "roster", "state", "step")
_LOOK = 0.1  # seconds between two looks whether a roster still stands


def mesh_of(
    own: int,
    addresses: Sequence[Address],
    listener: socket.socket,
    secret: bytes,
    roster: int,
    stands: Callable[[], bool],
    idle: Callable[[], None] = no_one,
) -> Mesh:
    """Connections to all others of a roster: to those before this one, from those behind it.

    Args:
        roster: its number; a connection that was made for another one is dropped.
        stands: whether the roster still stands; asked while others are waited for.
        idle: of the mesh.

    Raises:
        Lost: where one of them cannot be had.
    """
    found: dict[int, socket.socket] = {}
    try:
        for peer in range(own):
            found[peer] = connect(addresses[peer], secret)
            send(found[peer], "peer", roster=roster, index=own)
        while len(found) < len(addresses) - 1:
            if not waiting([listener], _LOOK):
                if not stands():
                    raise Lost
                continue
            connection = accept(listener, secret)
            if connection is None:
                continue
            words = greeting(connection)
            if words.get("roster") != roster or words.get("index") in found:
                connection.close()
                continue
            found[words["index"]] = connection
    except (OSError, Lost) as error:
        for connection in found.values():
            connection.close()
        raise Lost from error
    return Mesh(found, idle)


def shared_step(
    share: Share,
    job: Job,
    state: Sequence[Array],
    batch: Sequence[Array],
    rate: float,
    mesh: Mesh,
    own: int,
    cut: Division,
) -> list[Array]:
    """The outputs of a step that all workers of a mesh take.

    Args:
        batch: the rows of this worker; own: which one it is.

    Raises:
        Lost: where another one is gone.
    """
    running, joined = share.step(job.inputs(state, rate, batch), cut, own), None
    while True:
        try:
            number, sums = next(running) if joined is None else running.send(joined)
        except StopIteration as done:
            outputs: list[Array] = done.value
            return outputs
        joined = meet(mesh, own, cut, share.meetings[number], sums, 2 * number)


class Worker:
    """See the module.

    Args:
        control: the connection to the process that trains; listener: where others connect.
        data: all rows of the data, features first.
    """

    def __init__(
        self,
        control: socket.socket,
        listener: socket.socket,
        secret: bytes,
        data: Sequence[Array],
        threads: int,
    ):
        self._control, self._listener, self._secret = control, listener, secret
        self._data, self._threads = data, threads
        self._mesh, self._own = Mesh({}), 0
        self._arrays: list[Array] = []
        self._job: Job | None = None
        self._share: Share | None = None

    def run(self) -> None:
        """Does what it is told until the connection ends."""
        while True:
            try:
                words, arrays = receive(self._control)
            except Lost:
                return
            try:
                kind = words.pop("kind")
                if kind not in _TOLD:
                    return
                getattr(self, f"_{kind}")(arrays, **words)
            except Lost:
                self._mesh.close()
            except PellucidError as error:
                self._mesh.close()
                send(self._control, "failed", name=type(error).__name__, text=str(error))

    def _setup(self, arrays: list[Array], **words: Any) -> None:
        named = words["consts"]
        constant, fixed = arrays[: len(named)], arrays[len(named) :]
        consts = {
            name: Constant.of(array, array_type(array))
            for name, array in zip(named, constant, strict=True)
        }
        graph = parse_graph(words["graph"], consts, type_of)
        features = words["features"]
        self._job = Job(
            graph=graph,
            params=0,
            fixed=fixed,
            features=tuple(self._data[:features]),
            others=tuple(self._data[features:]),
            batch_size=words["batch_size"],
            dtype=np.dtype(words["dtype"]),
        )
        self._share = Share(graph, self._threads)  # compiled before anyone waits for it
        send(self._control, "ready")

    def _roster(self, arrays: list[Array], number: int, own: int, addresses: list[Any]) -> None:
        self._mesh.close()
        known = [(host, port) for host, port in addresses]
        self._mesh = mesh_of(own, known, self._listener, self._secret, number, self._unasked)
        self._own = own

    def _unasked(self) -> bool:
        """Whether nothing new was said meanwhile."""
        return not waiting([self._control])

    def _state(self, arrays: list[Array]) -> None:
        self._arrays = arrays

    def _step(self, arrays: list[Array], rate: float, division: list[int]) -> None:
        assert self._job is not None and self._share is not None, "setup comes first"
        batch, cut = self._job.batch(arrays[0]), Division(*division)
        outputs = shared_step(
            self._share, self._job, self._arrays, batch, rate, self._mesh, self._own, cut
        )
        self._arrays = outputs[: len(self._arrays)]


def serve(
    address: Address, secret: bytes, ticket: int, data: Sequence[Array], threads: int
) -> None:
    """Works for the process that listens at `address` until that ends.

    Args:
        ticket: what that process calls this worker.
    """
    try:
        beating = connect(address, secret)
        send(beating, "pulse", ticket=ticket)
        threading.Thread(target=answer, args=(beating,), name="pulse", daemon=True).start()
        control = connect(address, secret)
        listener = listen(control.getsockname()[0])
        port, who = listener.getsockname()[1], f"process {os.getpid()} on {socket.gethostname()}"
        send(control, "hello", ticket=ticket, port=port, version=VERSION, who=who)
    except Lost:
        return  # the run is over
    with control, listener:
        Worker(control, listener, secret, data, threads).run()
