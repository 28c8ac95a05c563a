"""One WebAssembly object, as LLVM makes it, into a module that needs nothing from outside.

LLVM's object is a valid module whose indices are final. It imports its memory and its stack pointer
and exports nothing; names stand in a section of its own. Here the memory and the stack pointer
become the module's, functions that are asked for are exported by name, and initial contents of the
memory are added. Sections that only a linker reads are left out.

Formats: the WebAssembly core specification 2.0, chapter 5; for objects, WebAssembly's tool
conventions, "Linking".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pellucid.core.errors import CompileError

MAGIC = b"\0asm\x01\0\0\0"
PAGE = 1 << 16  # bytes that a memory grows by
MEMORY = "memory"  # what the module calls its memory
_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT = 0, 1, 2, 3, 5, 6, 7
_CODE, _DATA = 10, 11
_OF_FUNCTION, _OF_TABLE, _OF_MEMORY, _OF_GLOBAL = range(4)  # kinds of imports and of exports
_SYMBOLS, _NAMED_FUNCTION = 8, 0  # a subsection of "linking"; a kind of symbol
_UNDEFINED, _EXPLICIT_NAME = 0x10, 0x40  # flags of a symbol
_I32, _MUTABLE = 0x7F, 1
_CONST_I32, _END = 0x41, 0x0B


def unsigned(value: int) -> bytes:
    """A number of the format: LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _signed(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value & 0x7F])


class _Reader:
    """Numbers and names from the bytes of a section."""

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def name(self) -> str:
        return self.bytes(self.number()).decode()

    @property
    def left(self) -> bool:
        return self.at < len(self.data)


@dataclass(frozen=True)
class _Section:
    kind: int
    body: bytes
    name: str = ""  # of a custom one


def _sections(code: bytes) -> Iterator[_Section]:
    reader = _Reader(code, len(MAGIC))
    while reader.left:
        kind, body = reader.byte(), _Reader(reader.bytes(reader.number()))
        name = body.name() if kind == _CUSTOM else ""
        yield _Section(kind, body.data[body.at :], name)


def _check_imports(body: bytes) -> None:
    """Refuses an object that calls functions which stand in no browser."""
    reader = _Reader(body)
    missing = []
    for _ in range(reader.number()):
        reader.name()
        name, kind = reader.name(), reader.byte()
        if kind == _OF_FUNCTION:
            missing.append(name)
            reader.number()
        elif kind == _OF_MEMORY:
            if reader.byte() & 1:
                reader.number()
            reader.number()
        elif kind == _OF_GLOBAL and name == "__stack_pointer":
            reader.bytes(2)
        else:
            missing.append(name)
            break
    if missing:
        raise CompileError(
            "WebAssembly",
            f"the code must need no function from outside, got {', '.join(missing)}",
            "Leave out the operation that calls it: remainders of floats, and float64.",
        )


def _functions(body: bytes) -> dict[str, int]:
    """The index of each function that the object defines, by name."""
    reader, found = _Reader(body), {}
    reader.number()  # the version
    while reader.left:
        kind, part = reader.byte(), _Reader(reader.bytes(reader.number()))
        if kind != _SYMBOLS:
            continue
        for _ in range(part.number()):
            symbol, flags = part.byte(), part.number()
            index = part.number() if symbol != 1 else 0
            named = symbol == 1 or not flags & _UNDEFINED or flags & _EXPLICIT_NAME
            name = part.name() if named and symbol != 3 else ""
            if symbol == 1 and not flags & _UNDEFINED:  # data: segment, offset, size
                for _ in range(3):
                    part.number()
            if symbol == _NAMED_FUNCTION and not flags & _UNDEFINED:
                found[name] = index
    return found


def _section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + unsigned(len(body)) + body


def _vector(items: Sequence[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def _name(text: str) -> bytes:
    return unsigned(len(text.encode())) + text.encode()


def linked(
    code: bytes,
    exports: Sequence[str],
    contents: Mapping[int, bytes],
    stack: int,
    size: int,
) -> bytes:
    """A module without imports.

    Args:
        code: LLVM's object.
        exports: functions by name; the memory is exported as well.
        contents: bytes that stand in the memory at first, by their address.
        stack: the address that the stack grows down from.
        size: bytes of memory.

    Raises:
        CompileError: where the object needs functions from outside, naming them.
    """
    kept: dict[int, bytes] = {}
    functions: dict[str, int] = {}
    for one in _sections(code):
        if one.kind == _IMPORT:
            _check_imports(one.body)
        elif one.kind in (_TYPE, _FUNCTION, _CODE):
            kept[one.kind] = one.body
        elif one.name == "linking":
            functions = _functions(one.body)
        else:
            assert one.kind == _CUSTOM, "the emitters make no tables and no constants in memory"
    pointer = bytes([_I32, _MUTABLE, _CONST_I32]) + _signed(stack) + bytes([_END])
    pages = -(-size // PAGE)
    names = [_name(name) + bytes([_OF_FUNCTION]) + unsigned(functions[name]) for name in exports]
    kept[_MEMORY] = _vector([b"\1" + unsigned(pages) + unsigned(pages)])
    kept[_GLOBAL] = _vector([pointer])
    kept[_EXPORT] = _vector([*names, _name(MEMORY) + bytes([_OF_MEMORY, 0])])
    kept[_DATA] = _vector(
        [
            bytes([0, _CONST_I32]) + _signed(place) + bytes([_END]) + unsigned(len(data)) + data
            for place, data in contents.items()
        ]
    )
    return MAGIC + b"".join(_section(kind, kept[kind]) for kind in sorted(kept))
