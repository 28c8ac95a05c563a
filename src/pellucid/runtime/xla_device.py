"""JAX as this package uses it: one device, 64-bit types in our own calls alone, no forked child.

A person's own JAX program keeps its settings: what rows need is switched on around each of our
calls and off behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pellucid.core import forks
from pellucid.core.errors import (
    ArgumentError,
    CompileError,
    MissingPackageError,
    PellucidError,
    TooLargeError,
)
from pellucid.runtime.threads import available

try:
    import jax
    from jax import enable_x64, lax
    from jax import numpy as jnp
except (ImportError, OSError, RuntimeError, AttributeError) as error:
    # Missing, too old to have one of these, broken, or beside a jaxlib of another version.
    raise MissingPackageError(
        "xla",
        f"backend='xla' needs JAX 0.10 or later, got: {error}",
        "pip install 'pellucid[xla]'.",
    ) from error

__all__ = ["Place", "jax", "jnp", "lax"]

_FIRST = forks.count()  # the process whose threads JAX has


@dataclass(frozen=True)
class Place:
    """A device, and calls on it."""

    device: Any

    @property
    def name(self) -> str:
        """As `device=` has it: "cpu:0"."""
        return f"{self.device.platform}:{self.device.id}"

    @property
    def convolves(self) -> bool:
        """Whether it has a library for convolutions.

        On a CPU XLA's loops for the gradients take 2.6 times as long as windows and a product.
        """
        return bool(self.device.platform != "cpu")

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Around all that touches JAX: our settings, and its errors as ours.

        Raises:
            CompileError: in a forked child, where JAX would wait for threads that are not there.
            TooLargeError: where the device has no room.
        """
        check_process()
        with ExitStack() as settings:
            for setting in (
                enable_x64(True),
                jax.default_device(self.device),
                jax.debug_nans(False),
                jax.numpy_dtype_promotion("standard"),
                jax.numpy_rank_promotion("allow"),
            ):
                settings.enter_context(setting)
            try:
                yield
            except PellucidError:
                raise
            except (MemoryError, jax.errors.JaxRuntimeError) as error:
                raise self._told(error) from error

    def _told(self, error: BaseException) -> PellucidError:
        reason = str(error).strip().split("\n")[0][:300]
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in reason:
            return TooLargeError(
                "xla",
                f"all arrays of a call must fit into the memory of {self.name}, got: {reason}",
                "Take fewer rows at once, or a smaller model.",
            )
        return CompileError(
            "xla",
            f"XLA must run the graph on {self.name}, got: {reason}",
            "Run it with backend='native'.",
        )

    @property
    def out(self) -> dict[str, Any]:
        """Where a program leaves its results, for `jax.jit`: where it likes."""
        return {}

    def handed(self, array: Any) -> Any:
        """A small array of NumPy's as an argument of a program."""
        return array

    def put(self, array: Any, apart: bool = False) -> Any:
        """`array` on the device.

        Args:
            apart: whether it may not be memory that someone else writes to.
        """
        if isinstance(array, jax.Array):  # there already
            return array
        found = np.asarray(array)
        if not found.dtype.isnative:
            found = found.astype(found.dtype.newbyteorder("="))
        return jax.device_put(found, self.device, may_alias=False if apart else None)

    def types(self, given: Any) -> Any:
        """The types of arrays there, in lists as deep as those of `given`."""
        if given is None or isinstance(given, (list, tuple)):
            return None if given is None else [self.types(one) for one in given]
        return self.shaped(given.shape, given.dtype)

    def shaped(self, shape: Sequence[int], dtype: Any) -> Any:
        """The type of an array there."""
        sharding = jax.sharding.SingleDeviceSharding(self.device)
        return jax.ShapeDtypeStruct(tuple(shape), dtype, sharding=sharding)

    def compiled(
        self, function: Any, types: Sequence[Any], threads: int, donated: Sequence[int] = ()
    ) -> Any:
        """`function` of arguments of these types, as a program of the device.

        Args:
            threads: 1: one thread runs it, where the device is a CPU. Else all that JAX has.
            donated: arguments whose memory it may use again.
        """
        single = threads == 1 and self.device.platform == "cpu"
        if self.device.platform == "cpu" and 1 < threads < available():
            raise ArgumentError(
                "xla",
                f"threads must be 1 or all {available()}, got {threads}: XLA has one team of them",
                "For another number bind the process: taskset -c 0-2 python …",
            )
        made = jax.jit(function, donate_argnums=tuple(donated), keep_unused=True, **self.out)
        options = {"xla_cpu_multi_thread_eigen": False} if single else {}
        return made.lower(*types).compile(compiler_options=options)


def check_process() -> None:
    """Refuses a forked child of the process that JAX was first used in."""
    if forks.count() != _FIRST:
        raise CompileError(
            "xla",
            "JAX must run in the process that it was first used in, got a forked child of it: its "
            "threads do not follow",
            "Start processes by multiprocessing.get_context(\"spawn\"), or use backend='native' "
            "in them.",
        )


def join(
    address: str, processes: int, process: int, loopback: bool, local: int | None, timeout: float
) -> None:
    """Joins JAX's own group of processes: its service is the first one's, at `address`.

    Args:
        loopback: whether other hosts must not see the service.
        local: the number of the one device that this process takes; None, all that it sees.
    """
    check_process()
    try:
        jax.distributed.initialize(
            address,
            processes,
            process,
            local_device_ids=local,
            cluster_detection_method="deactivate",
            initialization_timeout=int(timeout) + 30,
            shutdown_timeout_seconds=30,
            coordinator_bind_address=address if loopback else None,
        )
        jax.devices()  # waits until all are known
    except (RuntimeError, ValueError) as error:
        if "must be called before" in str(error):
            raise ArgumentError(
                "distributed",
                "start must be called before JAX is used in the process, got a later call",
                "Write pel.distributed.start(…) at the top of the program.",
            ) from None
        reason = str(error).strip().split("\n")[0][:300]
        raise CompileError(
            "distributed", f"JAX must join its processes at {address}, got: {reason}"
        ) from error


@lru_cache
def place(device: str | None) -> Place:
    """The device that `device=` names; None, the one that JAX would take.

    Raises:
        ArgumentError: where JAX does not see it.
    """
    check_process()
    if device is None:
        return Place(jax.local_devices()[0])
    platform, _, number = device.partition(":")
    try:
        known = jax.local_devices(backend=platform)
    except RuntimeError:  # no such platform
        known = []
    if int(number or 0) < len(known):
        return Place(known[int(number or 0)])
    seen = [*jax.local_devices(), *jax.local_devices(backend="cpu")]
    names = ", ".join(dict.fromkeys(Place(one).name for one in seen))
    fix = f"Name one of these: {names}."
    if platform == "gpu":
        fix += " For NVIDIA's, pip install 'jax[cuda12]'."
    raise ArgumentError("xla", f"device must be one that JAX sees, got {device!r}", fix)
