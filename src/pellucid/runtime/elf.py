"""Object files put into memory and made ready to run, without the library that wrote them.

In: machine code for Linux on x86-64 as an ELF object, made here or kept by an earlier process. Out:
the addresses of its functions. LLVM can do this too, but takes 40 MB and tens of milliseconds
before its first address; code from the disk needs nothing else of it. Only what the engine's own
objects hold is known here: of anything else `load` gives None, and LLVM loads it.

Source: System V ABI, AMD64 supplement, 4.4, and the ELF chapters of the generic ABI.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct
import sys
from typing import NamedTuple

SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64" and sys.maxsize > 2**32

_HEAD, _SECTION = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQIIQQ")
_SYMBOL, _RELOCATION = struct.Struct("<IBBHQQ"), struct.Struct("<QQq")
_KIND = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_OBJECT, _X86_64 = 1, 62
_SYMBOLS, _RELOCATIONS, _NO_BITS, _PLAIN_RELOCATIONS = 2, 4, 8, 9
_WRITE, _ALLOC = 1, 2
_OUTSIDE, _ABSOLUTE = 0, 0xFFF1
_ADDRESS, _NEAR, _CALL, _FAR = 1, 2, 4, 24  # S + A in 64 bits; S + A - P in 32, 32 and 64 bits


class _Unknown(Exception):
    """Something that the engine's own objects do not hold."""


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    each: int


def load(code: bytes) -> Loaded | None:
    """`code` ready to run; None where it is no object of a kind that is known here."""
    if not SUPPORTED:
        return None
    try:
        return Loaded(code)
    except (
        _Unknown,
        struct.error,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        OSError,
        ValueError,
    ):
        return None


class Loaded:
    """An object file in memory of its own, which lives as long as this does."""

    def __init__(self, code: bytes):
        head = _HEAD.unpack_from(code)
        if not head[0].startswith(_KIND) or head[1:3] != (_OBJECT, _X86_64):
            raise _Unknown
        table, size, count = head[6], head[11], head[12]
        self._code = code
        self._sections = [
            _Section(*_SECTION.unpack_from(code, table + size * n)) for n in range(count)
        ]
        self._places = self._laid_out()
        self._put_in()
        self._symbols, self._functions = self._read_symbols()
        for section in self._sections:
            if section.kind == _RELOCATIONS and section.info in self._places:
                self._relocate(section)
            elif section.kind == _PLAIN_RELOCATIONS:
                raise _Unknown
        self._protect()
        del self._code, self._sections, self._symbols

    def get_function_address(self, name: str) -> int:
        """Where a function of the object begins."""
        return self._functions[name]

    def _laid_out(self) -> dict[int, int]:
        """Where each section goes: what is only read; on pages of its own what is written."""
        places, end = {}, 0
        for wanted in (0, _WRITE):
            for number, one in enumerate(self._sections):
                if one.flags & _ALLOC and one.flags & _WRITE == wanted:
                    end += -end % max(one.align, 1)
                    places[number] = end
                    end += one.size
            end += -end % mmap.PAGESIZE
            if not wanted:
                self._fixed = end
        self._size = end
        return places

    def _put_in(self) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory = memory = mmap.mmap(-1, max(self._size, 1), flags=flags)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for number, place in self._places.items():
            one = self._sections[number]
            if one.kind != _NO_BITS:
                memory[place : place + one.size] = self._code[one.offset : one.offset + one.size]

    def _read_symbols(self) -> tuple[list[int | None], dict[str, int]]:
        """The address of each symbol, None for one that is nowhere here, and those with a name."""
        (table,) = (one for one in self._sections if one.kind == _SYMBOLS)
        names = self._sections[table.link]
        text = self._code[names.offset : names.offset + names.size]
        symbols: list[int | None] = []
        named: dict[str, int] = {}
        for at in range(table.offset, table.offset + table.size, _SYMBOL.size):
            start, _, _, section, value, _ = _SYMBOL.unpack_from(self._code, at)
            name = text[start : text.index(b"\0", start)].decode()
            address: int | None = None
            if section in self._places:
                address = self._base + self._places[section] + value
                named.setdefault(name, address)
            elif section == _OUTSIDE and name:
                address = _outside(name)
            elif section == _ABSOLUTE:
                address = value
            symbols.append(address)
        return symbols, named

    def _relocate(self, section: _Section) -> None:
        """Writes the addresses that a section waits for."""
        start = self._places[section.info]
        for at in range(section.offset, section.offset + section.size, _RELOCATION.size):
            offset, info, addend = _RELOCATION.unpack_from(self._code, at)
            symbol, kind, place = self._symbols[info >> 32], info & 0xFFFFFFFF, start + offset
            if symbol is None:
                raise _Unknown
            goal, distance = symbol + addend, symbol + addend - (self._base + place)
            if kind == _ADDRESS:
                struct.pack_into("<Q", self._memory, place, goal)
            elif kind == _FAR:
                struct.pack_into("<q", self._memory, place, distance)
            elif kind in (_NEAR, _CALL):
                struct.pack_into("<i", self._memory, place, distance)
            else:
                raise _Unknown

    def _protect(self) -> None:
        """What is not written to may be run, and never both."""
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        if protect(self._base, self._fixed, mmap.PROT_READ | mmap.PROT_EXEC):
            raise OSError(ctypes.get_errno(), "memory that may be run is refused")


def _outside(name: str) -> int:
    """A function of the system that is in every process."""
    function = getattr(ctypes.CDLL(None), name)  # an AttributeError where there is none
    return ctypes.cast(function, ctypes.c_void_p).value or 0
