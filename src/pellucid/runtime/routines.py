"""Hand-written machine code beside graphs: compiled once a machine, kept on disk, called.

In: an emitter, a function of a Target that gives an LLVM module of `Routine`s. Out: `Library`,
whose routines are called with addresses and numbers, by one thread or by several together. The
interpreter lock is given back during a call.

No handler of a signal runs inside a call. So that Ctrl-C is heard, who has long work cuts it into
calls of less than 0.1 s; what a call has done is whole when a handler runs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from pellucid.compiler.codegen.routine import ADDRESS, REAL, WHOLE, Routine
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.mailbox import RUN
from pellucid.runtime import cache
from pellucid.runtime.machine import compiling, ready, this_machine
from pellucid.runtime.machine_code import object_code
from pellucid.runtime.threads import Team
from pellucid.runtime.worker_code import worker_code

Emitter = Callable[..., Any]  # (target, *parameters) → an ir.Module

_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4)
_WORDS = {ADDRESS: ctypes.c_int64, WHOLE: ctypes.c_int64, REAL: ctypes.c_double}


class Library:
    """The machine code of one emitter, made or loaded when it is first needed.

    Args:
        emit: its module's sources, and all that it imports of ours, are part of the cache's key.
        parameters: what `emit` is called with behind the target; their `repr` decides the code.
        target: the processor; this machine by default.

    Raises:
        CompileError: where llvmlite cannot be imported.
    """

    def __init__(self, emit: Emitter, *parameters: Any, target: Target | None = None):
        self._emit, self._parameters = emit, parameters
        with compiling:
            self.target = target or this_machine().target
            self._engine = ready(self._code(), self.target)

    def _code(self) -> bytes:
        emit = self._emit
        key = cache.key(
            "routines",
            f"{emit.__module__}.{emit.__qualname__}",
            repr(self._parameters),
            repr(self.target),
            this_machine().versions,
            maker=emit.__module__,
        )
        kept = cache.find(key)
        self.from_cache = kept is not None
        if kept is not None:
            return kept.code
        code = object_code(emit(self.target, *self._parameters), self.target)
        cache.keep(key, {}, code)
        return code

    def routine(self, form: Routine) -> Call:
        """One of its routines, ready to be called."""
        return Call(self, form, int(self._engine.get_function_address(form.name)))


class Call:
    """A routine that can be called."""

    def __init__(self, library: Library, form: Routine, address: int):
        self._library = library  # the code dies with it
        self._address, self._function = address, _ENTRY(address)
        fields = [(word[1:], _WORDS[word[0]]) for word in form.words]
        self.Words = type(form.name, (ctypes.Structure,), {"_fields_": fields})

    def __call__(self, *words: float, threads: int = 1) -> Any:
        """Runs the routine; gives its table, which holds the results. Trailing words are 0.

        What stands at an address must live until the call returns.
        """
        table = self.Words(*words)
        address = ctypes.addressof(table)
        if threads == 1:
            self._function(address, 0, 0, 0, 1)
        else:
            Team(threads).call(worker_code(), RUN, self._address, (address, 0, 0))
        return table
