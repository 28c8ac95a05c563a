"""Callbacks that write what a run measures into files of other programs: CSV, TensorBoard.

A line is written and flushed at the end of each epoch, so that a killed run leaves all of its
epochs. See also `fit(checkpoint=…)`, whose file has the whole history.
"""

from __future__ import annotations

import csv
import functools
import os
import socket
import struct
import time
from pathlib import Path
from typing import IO

from pellucid.core.arguments import checked, diagnosed, flag, integer
from pellucid.core.errors import ArgumentError
from pellucid.core.files import as_path, check_target
from pellucid.train.callback import Callback, Run, check_run


class CSVLog(Callback):
    """Writes a line an epoch: its number, then its measures.

    Args:
        path: of the file. The columns are those of the first epoch and, where validation comes
            later, of validation; a measure that an epoch has not is left empty.
        separator: between two entries, one character.
        append: whether lines are added to a file that is there, such as that of a run which is
            resumed; its columns stay.
        overwrite: whether a file that is there is replaced.
    """

    reads_model = False
    first_only = True

    @functools.partial(checked, elsewhere={"filename": "path"})
    def __init__(
        self,
        path: str | Path,
        separator: str = ",",
        append: bool = False,
        overwrite: bool = False,
    ):
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ArgumentError(
                "CSVLog", f"separator must be one character, got {separator!r}", "Write ';'."
            )
        flag("CSVLog", "append", append)
        flag("CSVLog", "overwrite", overwrite)
        self.path = check_target(path, overwrite or append)
        self.separator, self.append = separator, append
        self._file: IO[str] | None = None
        self._columns: list[str] = []

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        kept = self.append and self.path.exists() and self.path.stat().st_size > 0
        self._columns = []
        if kept:
            with self.path.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file, delimiter=self.separator), [])
        self._file = self.path.open("a" if kept else "w", newline="", encoding="utf-8")

    @diagnosed(check_run)
    def on_epoch(self, run: Run) -> None:
        if self._file is None:
            return
        writer = csv.writer(self._file, delimiter=self.separator)
        row = {"epoch": run.epoch, **run.logs}
        if not self._columns:
            self._columns = [*row, *(name for name in run.awaited if name not in row)]
            writer.writerow(self._columns)
        writer.writerow([row.get(name, "") for name in self._columns])
        self._file.flush()

    def on_end(self, run: Run) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class TensorBoardLog(Callback):
    """Writes the curves of a run for TensorBoard: `tensorboard --logdir folder`.

    Measures of the training set go to the run "train", those of validation to "validation", under
    one name each, so that both stand in one chart. No other package is needed.

    Args:
        folder: where event files are added; each run of fit adds files of its own.
        every: how many steps lie between two points of the minibatches' curves, which have the
            names "batch_loss", …; None writes those of epochs alone.
    """

    reads_model = False
    first_only = True

    @functools.partial(
        checked,
        elsewhere={
            "log_dir": "folder",
            "update_freq": "every",
            "histogram_freq": "Leave it out: model.weights has the weights of a moment.",
            "write_graph": "Leave it out: pel.draw(model) draws the network.",
        },
    )
    def __init__(self, folder: str | Path, every: int | None = None):
        self.folder = as_path("TensorBoardLog", folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ArgumentError(
                "TensorBoardLog", f"folder must be a folder, got the file {self.folder}"
            )
        self.every = None if every is None else integer("TensorBoardLog", "every", every, 1)
        self._writers: dict[str, _Events] = {}
        self._written = 0

    @property
    def every_step(self) -> bool:
        return self.every is not None

    def write(self, kind: str, step: int, values: dict[str, float]) -> None:
        """Adds numbers to the curves of a folder: "train" or "validation"."""
        if kind not in self._writers:
            self._writers[kind] = _Events(self.folder / kind)
        self._writers[kind].add(step, values)

    @diagnosed(check_run)
    def on_start(self, run: Run) -> None:
        self._writers, self._written = {}, run.step

    @diagnosed(check_run)
    def on_step(self, run: Run) -> None:
        if self.every is None or run.step - self._written < self.every:
            return
        self._written = run.step
        self.write("train", run.step, {f"batch_{k}": v for k, v in run.measures.items()})

    @diagnosed(check_run)
    def on_epoch(self, run: Run) -> None:
        held = {k.removeprefix("val_"): v for k, v in run.logs.items() if k.startswith("val_")}
        own = {k: v for k, v in run.logs.items() if not k.startswith("val_")}
        self.write("train", run.epoch, own)
        if held:
            self.write("validation", run.epoch, held)

    def on_end(self, run: Run) -> None:
        self.close()

    def close(self) -> None:
        """Ends the files; what is written later goes into new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


class _Events:
    """A file of events: records of TensorFlow, each with a message of protocol buffers in it.

    A record is its length (8 bytes), a check of that (4), the message, and a check of it (4), all
    little-endian.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = (folder / name).open("xb")
        self._record(_double(1, now) + _bytes(3, b"brain.Event:2"))

    def add(self, step: int, values: dict[str, float]) -> None:
        """Scalars of a step, by name."""
        parts = (
            _bytes(1, _bytes(1, name.encode()) + _float(2, value)) for name, value in values.items()
        )
        summary = b"".join(parts)
        self._record(_double(1, time.time()) + _integer(2, step) + _bytes(5, summary))

    def _record(self, message: bytes) -> None:
        length = struct.pack("<Q", len(message))
        self._file.write(length + _check(length) + message + _check(message))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


# Fields of a message: the number and kind, then the value.


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    most = 3.4028234663852886e38
    held = value if abs(value) <= most or value != value else (most if value > 0 else -most)
    return _varint(field << 3 | 5) + struct.pack("<f", held)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


@functools.cache
def _table() -> tuple[int, ...]:
    """CRC-32C of each byte (Castagnoli's polynomial, reflected)."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def _check(data: bytes) -> bytes:
    """The masked CRC-32C of a record."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
