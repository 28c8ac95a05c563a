"""The functions that workers wait in, as machine code; `codegen/workers.py` makes them."""

from __future__ import annotations

import ctypes

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.target import Target
from pellucid.compiler.codegen.workers import JOIN, POST, SERVE, SHARE
from pellucid.runtime import cache
from pellucid.runtime.machine import compiling, ready, this_machine


class _WorkerCode:
    """The functions that workers wait in, as machine code."""

    def __init__(self, target: Target):
        key = cache.key("workers", repr(target), this_machine().versions)
        kept = cache.find(key)
        code = codegen.workers_code(target) if kept is None else kept.code
        if kept is None:
            cache.keep(key, {}, code)
        self._engine = engine = ready(code, target)
        word, place = ctypes.c_int64, ctypes.c_void_p
        self.post = ctypes.CFUNCTYPE(word, place, place)(engine.get_function_address(POST))
        self.serve = ctypes.CFUNCTYPE(None, place)(engine.get_function_address(SERVE))
        self.join = ctypes.CFUNCTYPE(None, place)(engine.get_function_address(JOIN))
        together = ctypes.CFUNCTYPE(word, place, word, place, word)
        self.share = together(engine.get_function_address(SHARE))


_made: list[_WorkerCode] = []


def worker_code() -> _WorkerCode:
    """Those of this process, made when several threads first share a call."""
    if not _made:
        with compiling:
            if not _made:
                _made.append(_WorkerCode(this_machine().target))
    return _made[0]
