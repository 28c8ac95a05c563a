"""The machine that code is made for, and what LLVM does to a module before it becomes code."""

from __future__ import annotations

import sys
import weakref
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pellucid.compiler.codegen.llvm import binding, llvmlite
from pellucid.core import forks
from pellucid.core.errors import CompileError
from pellucid.core.signals import deferred

_initialised = forks.Lock()
_done: list[bool] = []


@dataclass(frozen=True)
class Target:
    """A processor, and how hard LLVM tries.

    Args:
        features: LLVM's feature flags, `+avx2,-avx512f`.
        passes: level of LLVM's passes over IR. 0, none: the emitters write final form, and the
            passes cost four times the rest of the compilation (docs/notes/0001-thin-thread.md).
        level: level of instruction selection and register allocation.
    """

    triple: str
    cpu: str
    features: str
    passes: int = 0
    level: int = 2

    @property
    def web(self) -> bool:
        """Whether it is WebAssembly: one thread, no system, addresses of 32 bits."""
        return self.triple.startswith("wasm")

    @property
    def vector_bytes(self) -> int:
        """The width of its vectors: AVX-512 64, AVX 32, SSE2 and NEON 16."""
        flags = set(self.features.split(","))
        if {"+avx512f", "+avx512bw", "+avx512vl", "+avx512dq"} <= flags:
            return 64
        return 32 if "+avx2" in flags else 16

    @property
    def fused(self) -> bool:
        """Whether it multiplies and adds with one rounding in one instruction."""
        flags = set(self.features.split(","))
        return self.triple.startswith(("aarch64", "arm64")) or bool(flags & {"+fma", "+avx512f"})

    @property
    def masks(self) -> bool:
        """Whether it loads and stores a part of a vector in one instruction."""
        return self.vector_bytes >= 32

    @property
    def registers(self) -> int:
        """How many vectors it holds at a time."""
        return 16 if self.triple.startswith(("x86", "i686")) and self.vector_bytes < 64 else 32


# Fixed-width vectors, as every browser has them since 2023. No atomics, no relaxed vectors: those
# may round otherwise from one machine to the next.
WEB = Target(
    "wasm32-unknown-unknown", "mvp", "+bulk-memory,+nontrapping-fptoint,+sign-ext,+simd128"
)


def initialise() -> None:
    """Sets LLVM up for this machine, once a process.

    Raises:
        CompileError: where LLVM makes no code for this machine, or the system runs none.
    """
    with _initialised:
        if _done:
            return
        if sys.maxsize < 2**32:
            raise _unfit("addresses of 64 bits", "32")
        try:
            binding.initialize_native_target()
            binding.initialize_native_asmprinter()
            binding.check_jit_execution()
        except (RuntimeError, OSError) as error:
            raise _unfit("a machine that may run code it makes", str(error)) from error
        _done.append(True)


def _unfit(expected: str, got: str) -> CompileError:
    return CompileError(
        "native", f"the engine needs {expected}, got: {got}", "Run it with backend='interpreter'."
    )


@lru_cache
def host() -> Target:
    """This machine."""
    with deferred():
        initialise()
        return Target(
            binding.get_process_triple(),
            binding.get_host_cpu_name(),
            binding.get_host_cpu_features().flatten(),
        )


def versions() -> str:
    """The versions of the library that makes the code."""
    return f"llvmlite {llvmlite.__version__}, LLVM {binding.llvm_version_info}"


def machine(target: Target) -> Any:
    """A new target machine. An execution engine takes it over: never give one to two engines."""
    initialise()
    return binding.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=target.level
    )


def optimise(module: Any, target: Target) -> None:
    """Runs LLVM's own passes over a parsed module.

    Float operations carry no flags, so none of these passes may reorder a sum or fuse a product.
    """
    if target.passes == 0:
        return
    options = binding.create_pipeline_tuning_options(speed_level=target.passes)
    builder = binding.create_pass_builder(machine(target), options)
    builder.getModulePassManager().run(module, builder)


class _Holder(weakref.ref["Engine"]):
    """What an `Engine` leaves behind: LLVM's own, which it had."""

    engine: Any = None


_held: set[_Holder] = set()
_gone: deque[_Holder] = deque()  # those whose `Engine` is gone; Python may run no line of ours then


class Engine:
    """Code that LLVM has loaded, ready to run as long as this lives."""

    def __init__(self, engine: Any):
        holder = _Holder(self, _gone.append)
        holder.engine = engine
        _held.add(holder)
        self._engine = engine

    def get_function_address(self, name: str) -> int:
        """Where a function begins."""
        with deferred():
            return int(self._engine.get_function_address(name))


def load(code: bytes, target: Target) -> Engine:
    """An engine that holds `code`, an object file, ready to run.

    An object cache hands the code to an engine whose module is empty: the one way that works on
    every system and needs no text to be parsed.
    """
    waiting = [code]  # LLVM copies it: nothing here holds on to it
    with deferred():
        while _gone:
            _held.discard(_gone.popleft())
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine(target))
        engine.set_object_cache(getbuffer_func=lambda module: waiting.pop())
        engine.finalize_object()
        assert not waiting, "the engine must take the code, or it would run nothing"
        return Engine(engine)
