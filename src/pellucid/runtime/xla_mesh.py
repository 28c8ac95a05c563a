"""Training under XLA on several devices, of one process or of many: rows spread, state everywhere.

Each process brings its own part of the rows to its own devices. A step's rows are taken from
wherever they lie and computed on all devices; XLA adds up their gradients. The program is that of
one device with the places of its arrays named, so that means, masks and statistics are of all rows
of the step. What depends on time is decided by the first process: all take the same steps.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pellucid.core import notices
from pellucid.core.errors import ArgumentError, TooLargeError
from pellucid.runtime.executor import Array, Job, Kept
from pellucid.runtime.group import Group
from pellucid.runtime.xla_device import Place, check_process, jax, lax
from pellucid.runtime.xla_training import XlaSteps, XlaTrainer, room

_SPREAD, _COPIED = "rows", "copies"  # the axes of a mesh


@dataclass(frozen=True)
class Mesh(Place):
    """All devices of one kind of all processes; `device` is the first of this one's."""

    devices: tuple[Any, ...]

    def sharding(self, rows: int = 0) -> Any:
        """Where arrays lie: their rows spread over as many devices as divide them; 0, everywhere.

        The other devices have copies. XLA spreads equal parts alone.
        """
        wide = math.gcd(rows, len(self.devices)) if rows else 1
        grid = np.array(self.devices).reshape(wide, -1)
        spec = jax.sharding.PartitionSpec(*[_SPREAD] * bool(rows))
        return jax.sharding.NamedSharding(jax.sharding.Mesh(grid, (_SPREAD, _COPIED)), spec)

    @property
    def out(self) -> dict[str, Any]:
        return {"out_shardings": self.sharding()}

    def handed(self, array: Any) -> Any:
        return self.put(array)

    def put(self, array: Any, apart: bool = False) -> Any:
        """`array`, which all processes have, on every device."""
        found = np.array(array) if apart else np.asarray(array)
        if not found.dtype.isnative:
            found = found.astype(found.dtype.newbyteorder("="))
        return jax.make_array_from_callback(
            found.shape, self.sharding(), lambda index: np.asarray(found[index])
        )

    def types(self, given: Any) -> Any:
        if given is None or isinstance(given, (list, tuple)):
            return None if given is None else [self.types(one) for one in given]
        return jax.ShapeDtypeStruct(given.shape, given.dtype, sharding=given.sharding)


@lru_cache
def mesh(device: str | None) -> Mesh:
    """All devices of the kind that `device=` names; None, those that JAX would take.

    Raises:
        ArgumentError: where JAX does not see one here, or for a single device.
    """
    check_process()
    if device is not None and ":" in device:
        raise ArgumentError(
            "xla",
            f"device must be a kind of devices where several train together, got {device!r}",
            f"Write device={device.partition(':')[0]!r}, or leave it out.",
        )
    try:
        known = jax.devices(device)
        own = jax.local_devices(backend=device)
    except RuntimeError:  # no such kind
        known = own = []
    if not own:
        seen = ", ".join(dict.fromkeys(one.platform for one in jax.local_devices()))
        raise ArgumentError(
            "xla",
            f"device must be one that JAX sees, got {device!r}",
            f"Name one of these: {seen}.",
        )
    return Mesh(own[0], tuple(sorted(known, key=lambda one: (one.process_index, one.id))))


class SharedSteps(XlaSteps):
    """The state on every device; of the data each has the rows that its process brought."""

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        threads: int,
        at: Place,
        traced: Callable[..., Any],
        programs: dict[Any, Any],
    ):
        assert isinstance(at, Mesh) and job.group is not None
        self._mesh, self._group = at, job.group
        self._rows = self._group.exchange(len(job.data[0]))  # of each process
        devices = [0] * len(self._rows)
        for one in at.devices:
            devices[one.process_index] += 1
        pairs = zip(self._rows, devices, strict=True)
        self._each = max(-(-rows // count) for rows, count in pairs)  # rows of a device
        first = np.cumsum([0, *self._rows])[:-1]  # row of each process
        place = self._each * np.cumsum([0, *devices])[:-1]  # where its rows begin on the devices
        self._first, self._moved = first, place - first
        super().__init__(job, state, threads, at, traced, programs)

    def _fit(self, data: Sequence[Array]) -> bool:
        """Asked of all, so that nobody begins alone.

        Raises:
            TooLargeError: where one has no room for its rows.
        """
        size = sum(array.nbytes for array in data)
        several = self._mesh.device.platform != "cpu"  # with memory of its own each
        most = room(self._mesh) * (len(self._own) if several else 1)
        fits = self._group.exchange([size <= most, size])
        for process, (enough, size) in enumerate(fits):
            if not enough:
                raise TooLargeError(
                    "fit",
                    "the rows of a process must fit into half of the free memory of its devices, "
                    f"got {size:,} bytes in {self._group.name(process)}",
                    "Train with more processes, each with fewer rows.",
                )
        return True

    @property
    def _own(self) -> list[Any]:
        """The devices of this process."""
        return [one for one in self._mesh.devices if one.process_index == self._group.process]

    def _brought(self, data: Sequence[Array]) -> list[Any]:
        total = self._each * len(self._mesh.devices)
        found = []
        for array in data:
            shards = []
            for number, device in enumerate(self._own):
                part = array[number * self._each : (number + 1) * self._each]
                held = np.zeros((self._each, *array.shape[1:]), array.dtype)
                held[: len(part)] = part
                shards.append(jax.device_put(held, device))
            shape = (total, *array.shape[1:])
            sharding = self._mesh.sharding(total)
            found.append(jax.make_array_from_single_device_arrays(shape, sharding, shards))
        return found

    def _gathered(self, array: Any, rows: Any) -> Any:
        rows = lax.with_sharding_constraint(rows, self._mesh.sharding())
        spread = self._mesh.sharding(rows.shape[0])
        return lax.with_sharding_constraint(super()._gathered(array, rows), spread)

    def _program(self, key: Any, function: Any, given: Any, donated: Any = ()) -> Any:
        known = len(self._programs)
        program = super()._program(key, function, given, donated)
        if len(self._programs) > known:
            self._group.exchange(None)  # so that nobody waits inside for one that still compiles
        return program

    def _finite_rows(self, data: list[Any]) -> Array | None:
        return self._group.collective(super()._finite_rows, data)

    def _call(self, rows: Array, rates: Array, most: int) -> Array:
        moved = rows + self._moved[np.searchsorted(self._first, rows, "right") - 1]
        return self._group.collective(super()._call, moved, rates, most)


class SharedTrainer(XlaTrainer):
    """Steps that all processes of a group take together.

    Every decision here is the same in all of them: it follows from rows, rates, and times that the
    first one has measured.
    """

    Steps = SharedSteps

    def __init__(
        self,
        job: Job,
        state: Sequence[Array],
        threads: int,
        kept: Kept,
        at: Mesh,
        trace: Callable[[], Callable[..., Any]],
    ):
        assert job.group is not None
        self._group: Group = job.group
        devices = len(at.devices)
        wide = math.gcd(job.batch_size, devices)
        if wide < devices and self._group.first:
            notices.once(
                f"[fit] a step of {job.batch_size} rows is spread over {wide} of {devices} "
                f"devices, since {devices} do not divide it: take a batch_size that is a multiple."
            )
        super().__init__(job, state, threads, kept, at, trace)

    @property
    def seconds(self) -> float:
        return self._seconds_of_first

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._seconds_of_first = float(self._group.exchange(value)[0])

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        digest = zlib.crc32(rates.tobytes(), zlib.crc32(rows.tobytes()))
        asked = self._group.exchange([len(rates), size, digest])
        if any(one != asked[0] for one in asked):
            self._group.end(
                "all processes must take the same steps, got others in one of them",
                "Callbacks must decide alike in all processes: by the run's numbers, not by time.",
            )
        measures = super().run(rows, rates, size)
        self._seconds = self.seconds * sum(len(rates) for _, rates, _ in self._since)
        return measures

    def _run_or_leave(self, rows: Array, rates: Array, size: int) -> Array:
        return self._steps.run(rows, rates, size)  # who leaves a step would leave the others in it

    def state(self) -> list[Array]:
        self._whole()
        return super().state()

    def finish(self) -> list[Array]:
        self._whole()
        return super().finish()

    def is_finite(self) -> bool:
        self._whole()
        return super().is_finite()

    def _whole(self) -> None:
        """Refuses to give a state that was lost with a process inside a step."""
        if self._group.broken:
            self._group.check()
