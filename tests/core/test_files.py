"""Files written whole or not at all: many writers, kills, links, modes, names that are none."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pellucid.core import files
from pellucid.core.errors import ArgumentError
from pellucid.core.files import as_path, check_target, write_atomically

ROOM = 1 << 16


def content(number):
    return bytes([number]) * ROOM


def is_whole(data):
    return len(data) == ROOM and data == data[:1] * ROOM


def hammer(target, number, rounds):
    for _ in range(rounds):
        write_atomically(target, content(number))


def read_until(stop, target, torn):
    while not stop.is_set():
        data = target.read_bytes()
        if not is_whole(data):
            torn.append(len(data))


def watched(target, writers):
    """Runs the writers with two readers beside them; the lengths of torn files that were seen."""
    torn, stop = [], threading.Event()
    readers = [threading.Thread(target=read_until, args=(stop, target, torn)) for _ in range(2)]
    for thread in readers:
        thread.start()
    try:
        writers()
    finally:
        stop.set()
        for thread in readers:
            thread.join()
    return torn


@pytest.mark.parametrize("pairs", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_threads_that_write_one_path_leave_one_whole_file(tmp_path, pairs):
    target, failed = tmp_path / "m", []
    target.write_bytes(content(0))

    def writer(number):
        try:
            hammer(target, number, pairs)
        except BaseException as error:
            failed.append(error)

    def writers():
        threads = [threading.Thread(target=writer, args=(number,)) for number in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert watched(target, writers) == []
    assert failed == []
    assert is_whole(target.read_bytes())
    assert os.listdir(tmp_path) == ["m"]


_WRITER = """
import sys
from pathlib import Path
from pellucid.core.files import write_atomically
number, rounds = int(sys.argv[2]), int(sys.argv[3])
for _ in range(rounds):
    write_atomically(Path(sys.argv[1]), bytes([number]) * (1 << 16))
"""


def process(target, number, rounds, code=_WRITER):
    command = [sys.executable, "-c", code, str(target), str(number), str(rounds)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("pairs", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_processes_that_write_one_path_leave_one_whole_file(tmp_path, pairs):
    target = tmp_path / "m"
    target.write_bytes(content(0))

    def writers():
        for one in [process(target, number, pairs) for number in (1, 2)]:
            _, errors = one.communicate(timeout=120)
            assert one.returncode == 0, errors

    assert watched(target, writers) == []
    assert is_whole(target.read_bytes())
    assert os.listdir(tmp_path) == ["m"]


def part_of(target, host, age=0.0):
    part = target.parent / f".{target.name}.{host}-99999-{os.urandom(8).hex()}.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - age,) * 2)
    return part


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_sweeps(tmp_path):
    target = tmp_path / "m"
    target.write_bytes(content(7))
    stalls = _WRITER.replace(
        "number,", "import os, time; os.fsync = lambda _: time.sleep(600); number,"
    )
    writer = process(target, 1, 1, stalls)
    try:
        while not [part for part in tmp_path.glob(".m.*.part") if part.stat().st_size == ROOM]:
            assert writer.poll() is None
            time.sleep(0.005)
        (part,) = tmp_path.glob(".m.*.part")
        write_atomically(target, content(8))
        assert part.exists(), "the part of a living writer must stay"
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert target.read_bytes() == content(8)
    write_atomically(target, content(9))
    assert os.listdir(tmp_path) == ["m"]


def test_a_sweep_leaves_what_is_not_surely_left_behind(tmp_path):
    target = tmp_path / "m"
    ours, theirs_old = part_of(target, files._HOST), part_of(target, "elsewhere", age=100_000)
    theirs = part_of(target, "elsewhere", age=1000)
    mine = tmp_path / ".m.notes.part"  # a person's own file
    mine.touch()
    os.utime(mine, (0, 0))
    write_atomically(target, b"new")
    assert not ours.exists()
    assert not theirs_old.exists()
    assert theirs.exists()
    assert mine.exists()


def test_a_part_that_was_swept_before_its_lock_is_made_anew(tmp_path, monkeypatch):
    target, lock, swept = tmp_path / "m", files.lock, []

    def locked_late(descriptor, wait):
        if wait and not swept:
            (name,) = os.listdir(tmp_path)
            swept.append(name)
            files._sweep(target)
        return lock(descriptor, wait)

    monkeypatch.setattr(files, "lock", locked_late)
    write_atomically(target, b"new")
    assert len(swept) == 1
    assert target.read_bytes() == b"new"


def test_the_file_reaches_the_disk_before_its_name_and_the_name_after(tmp_path, monkeypatch):
    """Without each of these calls a power cut could leave an empty file."""
    target, calls = tmp_path / "m", []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        calls.append((kind, os.fstat(descriptor).st_size if kind == "file" else 0))
        fsync(descriptor)

    def replaced(source, place):
        calls.append(("rename", 0))
        replace(source, place)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_atomically(target, b"12345")
    assert calls == [("file", 5), ("rename", 0), ("folder", 0)]


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    target = tmp_path / "m"
    target.write_bytes(b"old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(ArgumentError, match=r"cannot be written: .*No space left"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["m"]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("old", [0o600, 0o640, 0o666, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path, old):
    target = tmp_path / "m"
    target.write_bytes(b"old")
    target.chmod(old)
    write_atomically(target, b"new")
    assert mode(target) == old
    assert target.read_bytes() == b"new"


def test_a_secret_file_is_never_open_to_others_while_it_is_written(tmp_path, monkeypatch):
    target, seen = tmp_path / "m", []
    target.write_bytes(b"old")
    target.chmod(0o600)
    make = os.open

    def watched(path, flags, *more, **options):
        descriptor = make(path, flags, *more, **options)
        if flags & os.O_CREAT:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", watched)
    write_atomically(target, b"new")
    assert seen == [0o600]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_obeys_the_umask(tmp_path, umask):
    old = os.umask(umask)
    try:
        write_atomically(tmp_path / "m", b"new")
    finally:
        os.umask(old)
    assert mode(tmp_path / "m") == 0o666 & ~umask


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_to_another_folder(tmp_path, there):
    (tmp_path / "store").mkdir()
    real, link = tmp_path / "store" / "real", tmp_path / "m"
    if there:
        real.write_bytes(b"old")
        real.chmod(0o600)
    link.symlink_to(Path("store") / "real")
    target = check_target(link, overwrite=True)
    write_atomically(target, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert mode(real) == 0o600 or not there
    assert os.listdir(tmp_path / "store") == ["real"]


def test_links_that_lead_nowhere_are_refused_before_anything_is_written(tmp_path):
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(ArgumentError, match="leads to itself"):
        check_target(circle, overwrite=True)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "no" / "m")
    with pytest.raises(ArgumentError, match=r"no does not exist\. .*Create it first"):
        check_target(dangling, overwrite=True)


def test_a_device_is_no_place_for_a_file():
    with pytest.raises(ArgumentError, match="a pipe or a device"):
        check_target("/dev/null", overwrite=True)


def test_a_file_that_appears_after_the_check_is_not_replaced(tmp_path):
    target = check_target(tmp_path / "m", overwrite=False)
    target.write_bytes(b"mine")
    with pytest.raises(ArgumentError, match="exists already"):
        write_atomically(target, b"new", overwrite=False)
    assert target.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["m"]


def test_of_many_writers_that_may_not_replace_one_wins(tmp_path):
    target, won, lost = tmp_path / "m", [], []

    def writer(number):
        try:
            write_atomically(target, content(number), overwrite=False)
            won.append(number)
        except ArgumentError:
            lost.append(number)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 7
    assert target.read_bytes() == content(won[0])


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    target = tmp_path / "m"
    write_atomically(target, b"new", overwrite=False)
    with pytest.raises(ArgumentError, match="exists already"):
        write_atomically(target, b"newer", overwrite=False)
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["m"]


class NoPath(os.PathLike):
    def __fspath__(self):
        return 3


@pytest.mark.parametrize("path", ["m\0", "\ud800", b"m", NoPath(), None, 3, ["m"]])
def test_what_names_no_file(path):
    with pytest.raises(ArgumentError, match=r"^\[load\] the path must be "):
        as_path("load", path)


@pytest.mark.parametrize("name", ["**", "*", "[a]", "a?b", "{x}", "~nouser", "ä", "a b", "x" * 255])
def test_odd_names_are_names(tmp_path, name):
    for data in (b"old", b"new"):
        write_atomically(check_target(tmp_path / name, overwrite=True), data)
    assert (tmp_path / name).read_bytes() == b"new"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["x" * 256, "", ".", "m/", "no/such/m"])
def test_places_that_hold_no_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    with pytest.raises(ArgumentError):
        check_target(name, overwrite=True)


def test_a_part_of_another_host_is_left_behind_after_a_day(tmp_path):
    target = tmp_path / "m"
    day = part_of(target, "elsewhere", age=86_400 + 60)
    younger = part_of(target, "elsewhere", age=86_400 - 60)
    write_atomically(target, b"new")
    assert not day.exists()
    assert younger.exists()


@pytest.mark.parametrize(("length", "repeated"), [(120, True), (121, False), (250, False)])
def test_the_longest_names_have_parts_too(tmp_path, monkeypatch, length, repeated):
    """A part's name repeats a name of 120 bytes at most, of a longer one its hash."""
    seen, replace = [], os.replace

    def watched(part, place):
        seen.append(os.path.basename(part))
        replace(part, place)

    monkeypatch.setattr(os, "replace", watched)
    name = "é" * (length // 2) + "x" * (length % 2)
    write_atomically(tmp_path / name, b"new")
    assert (tmp_path / name).read_bytes() == b"new"
    assert seen[0].startswith(f".{name}.") == repeated
    assert seen[0].endswith(".part")


def test_a_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    """A file system may not sync folders; any other failure is said."""
    sync, failure = os.fsync, [errno.EINVAL]

    def no_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(failure[0], os.strerror(failure[0]))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", no_folders)
    write_atomically(tmp_path / "m", b"new")
    assert (tmp_path / "m").read_bytes() == b"new"
    failure[0] = errno.EIO
    with pytest.raises(ArgumentError, match=r"the file cannot be written: .*Input/output error"):
        write_atomically(tmp_path / "m", b"newer")


def test_files_are_replaced_unless_told_otherwise(tmp_path):
    write_atomically(tmp_path / "m", b"old")
    write_atomically(tmp_path / "m", b"new")
    assert (tmp_path / "m").read_bytes() == b"new"
    with pytest.raises(ArgumentError, match="the file exists already"):
        write_atomically(tmp_path / "m", b"newer", overwrite=False)
    assert os.listdir(tmp_path) == ["m"]


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    """The rights of the super-user are everybody's, so the answer of the system is replaced."""
    asked = []

    def access(path, mode):
        asked.append((path, mode))
        return False

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(ArgumentError, match=r"the folder .* cannot be written"):
        check_target(tmp_path / "m", overwrite=True)
    assert asked == [(tmp_path, os.W_OK)]


def test_a_folder_that_may_be_written_and_not_read(tmp_path, monkeypatch):
    """Nothing can be swept there, and no name synced; the file is whole all the same."""
    opened = os.open

    def closed(path, flags, *mode):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *mode)

    def unread(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", closed)
    monkeypatch.setattr(os, "listdir", unread)
    write_atomically(tmp_path / "m", b"new")
    assert (tmp_path / "m").read_bytes() == b"new"
