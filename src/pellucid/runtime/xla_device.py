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

    def put(self, array: Any, apart: bool = False) -> Any:
        """`array` on the device.

        Args:
            apart: whether it may not be memory that someone else writes to.
        """
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
        made = jax.jit(function, donate_argnums=tuple(donated), keep_unused=True).lower(*types)
        options = {"xla_cpu_multi_thread_eigen": False} if single else {}
        return made.compile(compiler_options=options)


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
