"""The functions that workers wait in, as machine code; `codegen/crew.py` makes them."""

from __future__ import annotations

import ctypes

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.crew import JOIN, POST, SERVE, SHARE
from pellucid.compiler.codegen.target import Target
from pellucid.runtime import cache
from pellucid.runtime.machine import compiling, ready, this_machine


class _Crew:
    """The functions that workers wait in, as machine code."""

    def __init__(self, target: Target):
        key = cache.key("crew", repr(target), this_machine().versions)
        kept = cache.find(key)
        code = codegen.crew_code(target) if kept is None else kept.code
        if kept is None:
            cache.keep(key, {}, code)
        self._engine = engine = ready(code, target)
        word, place = ctypes.c_int64, ctypes.c_void_p
        self.post = ctypes.CFUNCTYPE(word, place, place)(engine.get_function_address(POST))
        self.serve = ctypes.CFUNCTYPE(None, place)(engine.get_function_address(SERVE))
        self.join = ctypes.CFUNCTYPE(None, place)(engine.get_function_address(JOIN))
        together = ctypes.CFUNCTYPE(word, place, word, place, word)
        self.share = together(engine.get_function_address(SHARE))


_crews: list[_Crew] = []


def crew() -> _Crew:
    """Those of this process, made when several threads first share a call."""
    if not _crews:
        with compiling:
            if not _crews:
                _crews.append(_Crew(this_machine().target))
    return _crews[0]
