"""Machine code kept on disk: what decides an entry, what is never loaded, and who may share it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.target import host
from pellucid.compiler.passes import pipeline
from pellucid.compiler.program import MinibatchFeed
from pellucid.compiler.signature import read, signature
from pellucid.core import notices
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import PACKAGE_FOLDER, CompileError
from pellucid.graph.node import Graph
from pellucid.graph.text import parse_graph
from pellucid.runtime import cache, machine, machine_code
from pellucid.runtime.native import Native
from pellucid.runtime.training import TrainingCode
from pellucid.transform.custom import op
from tests.compiler.xor import SMALL, call, shared, step_graph

TEXT = "graph(x: f32[N,3], y: f32[3])\nv: f32[N,3] = add(x, y)\nreturn v\n"
INPUTS = [np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    machine.this_machine()  # is an entry of its own, made once a process
    place = tmp_path / "kept"
    monkeypatch.setenv(cache.VARIABLE, str(place))
    monkeypatch.setattr(notices, "_said", set())
    monkeypatch.setattr(machine_code, "_KEPT", 0)  # else the process itself keeps the code
    return place


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.code"))


def forbidden(*args: object, **named: object) -> None:
    raise AssertionError("nothing is compiled")


def test_kept_code_runs_without_passes_and_emitters(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, inputs = step_graph(), call(SMALL, float32)
    made = Native(graph, shared())
    bound = made.bind(inputs)
    bound.step(5)
    assert not made.from_cache and len(entries(folder)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(machine_code, "compile_graph", forbidden)
        patch.setattr(codegen, "build", forbidden)
        kept = Native(graph, shared())
        assert kept.from_cache and kept.signature == made.signature
        again = kept.bind(inputs)
        again.step(5)
        for n in (1, 4, 1000):
            one, other = kept(call(SMALL, float32, n)), made(call(SMALL, float32, n))
            assert [array.tobytes() for array in one] == [array.tobytes() for array in other]
    assert [a.tobytes() for a in again.outputs()] == [a.tobytes() for a in bound.outputs()]
    assert kept.program == made.program and kept.work(100) == made.work(100)
    assert kept.llvm() == made.llvm()


def test_a_fresh_process_loads_what_another_made(folder: Path) -> None:
    code = f"""
import sys
import numpy as np
from pellucid.graph.text import parse_graph
from pellucid.runtime.native import Native
program = Native(parse_graph({TEXT!r}))
print(program.from_cache, *program([np.ones((2, 3), np.float32), np.ones(3, np.float32)])[0].flat)
"""
    for known in ("False", "True"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [known, *["2.0"] * 6]


def test_kept_code_loads_in_milliseconds(folder: Path) -> None:
    graph = step_graph()
    Native(graph, shared())
    seconds = []
    for _ in range(9):
        start = time.process_time()
        Native(graph, shared())
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.005


def test_all_that_decides_the_code_decides_the_entry(folder: Path) -> None:
    """Types, shapes, attributes, numbers, names, pairs, passes, feeds, processors."""
    graph = step_graph()
    feed = MinibatchFeed(((5, float32), (6, float64)), (4,), (4,))
    makers = [
        lambda: Native(graph),
        lambda: Native(graph, shared()),
        lambda: Native(graph, shared()[:2]),
        lambda: Native(graph, shared(), off=["cse"]),
        lambda: Native(graph, shared(), off=["cse", "dce"]),
        lambda: TrainingCode(graph, shared(), feed),
        lambda: TrainingCode(graph, shared(), replace(feed, measured=(4, 4))),
        lambda: Native(step_graph(dtype=float64)),
        lambda: Native(step_graph((2, 3, 1))),
        lambda: Native(parse_graph(TEXT), target=replace(host(), level=1)),
        lambda: Native(parse_graph(TEXT), target=replace(host(), passes=1)),
        lambda: Native(parse_graph(TEXT), target=replace(host(), features="")),
        lambda: Native(parse_graph(TEXT)),
        lambda: Native(parse_graph(TEXT.replace("add(x, y)", "add(y, x)"))),
        lambda: Native(parse_graph(TEXT.replace("[N,3]", "[2N,3]"))),
        lambda: Native(parse_graph(TEXT.replace("y", "z"))),
        *(lambda value=value: Native(parse_graph(full(value))) for value in ("0.0", "-0.0", "1.0")),
    ]
    for number, make in enumerate(makers, 1):
        make()
        assert len(entries(folder)) == number, f"maker {number} found another's entry"
    for make in makers:
        assert make().from_cache
    assert len(entries(folder)) == len(makers)


def full(value: str) -> str:
    return f"graph()\nv: f32[3] = full(dtype=float32, shape=(3,), value={value})\nreturn v\n"


def test_lines_of_source_decide_nothing(folder: Path) -> None:
    with_line = parse_graph(TEXT.replace("add(x, y)", "add(x, y)  # train.py:12"))
    Native(parse_graph(TEXT))
    assert Native(with_line).from_cache


def test_values_of_constants_come_from_the_graph(folder: Path) -> None:
    def graph(number: float) -> Graph:
        builder = pellucid.ops.value.Builder()
        type = pellucid.graph.node.TensorType(float32, (3,))
        with builder:
            x = builder.input("x", type)
            array = np.full(3, number, np.float32)
            c = builder.const("c0", pellucid.graph.node.Constant.of(array, type))
            both = x + c
        return builder.graph([both])

    for number in (1.0, 2.0, 1.0):
        (out,) = Native(graph(number))([np.zeros(3, np.float32)])
        np.testing.assert_array_equal(out, number)


def test_an_operation_of_ones_own_is_never_kept(folder: Path) -> None:
    twice = op("twice_kept", lambda xp, x: x + x, lambda x, out: 2.0)
    builder = pellucid.ops.value.Builder()
    with builder:
        x = builder.input("x", pellucid.graph.node.TensorType(float32, (3,)))
        out = twice(x)
    with pytest.raises(CompileError):
        Native(builder.graph([out]))
    assert Native._key(_bare(builder.graph([out])), host()) == ""


def _bare(graph: Graph) -> Native:
    bare = Native.__new__(Native)
    bare.graph, bare.shared, bare.feed, bare._off = graph, (), None, ()
    return bare


def test_the_key_covers_every_module_that_makes_code() -> None:
    """What the passes and emitters import of ours, directly or not, is hashed."""
    hashed = [name.removeprefix("pellucid.") for name in cache.source_files()]
    asked = subprocess.run(
        [sys.executable, "-c", STATIC], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(asked) > 30
    for name in asked:
        assert name in hashed
    assert {"ops.elementwise", "runtime.machine_code"} <= set(hashed)
    assert not any(name.startswith(("transform", "train", "models", "nn")) for name in hashed)


# The closure of our own imports, read from the source text, from the modules that make code.
STATIC = """
import ast, importlib.util, pathlib, pellucid
root = pathlib.Path(pellucid.__file__).parent
waiting = ["compiler.codegen.module", "compiler.passes.pipeline", "compiler.frame",
           "runtime.extras"]
seen = set()
while waiting:
    name = waiting.pop()
    path = root.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if name in seen or not file.exists():
        continue
    seen.add(name)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pellucid."):
            base = node.module.removeprefix("pellucid.")
            waiting += [base, *(f"{base}.{one.name}" for one in node.names)]
print(*sorted(seen - {"runtime"}))
"""


def test_another_source_or_library_is_another_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = parse_graph(TEXT)
    Native(graph)
    other = machine.this_machine()._replace(versions="llvmlite 99, LLVM 99")
    monkeypatch.setattr(machine_code, "this_machine", lambda: other)
    assert not Native(graph).from_cache
    monkeypatch.undo()
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    monkeypatch.setattr(cache, "sources", lambda: "other sources")
    assert not Native(graph).from_cache
    assert len(entries(folder)) == 3


def test_a_changed_source_file_changes_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pellucid"
    for place in cache.source_files().values():
        copy = package / place.relative_to(PACKAGE_FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(place.read_bytes())
    monkeypatch.setattr(cache, "PACKAGE_FOLDER", f"{package}{os.sep}")
    fresh = cache.sources.__wrapped__
    assert fresh() == "", "edited behind the start of this process"
    monkeypatch.setattr(cache, "_STARTED", time.time() + 1e6)
    known = {fresh()}
    for name in ("compiler/codegen/matmul.py", "ops/elementwise.py", "runtime/extras.py"):
        with (package / name).open("a") as file:
            file.write("# another\n")
        known.add(fresh())
    assert len(known) == 4 and "" not in known
    (package / "ops" / "compare.py").unlink()
    assert fresh() == ""


def test_without_sources_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PACKAGE_FOLDER", "/nowhere/pellucid/")
    assert cache.sources.__wrapped__() == ""
    monkeypatch.setattr(cache, "sources", lambda: "")
    assert not Native(parse_graph(TEXT)).from_cache
    assert not entries(folder)


def damaged(content: bytes) -> list[bytes]:
    middle = len(content) // 2
    flipped = [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for place in (0, 20, 50, 60, 200, middle, len(content) - 1)
    ]
    cut = [content[:length] for length in (0, 10, 30, 60, middle, len(content) - 1)]
    return [*flipped, *cut, content + b"\0", b"\x7fELF", os.urandom(1000)]


def test_what_is_damaged_is_not_loaded_but_written_anew(folder: Path) -> None:
    graph = parse_graph(TEXT)
    known = Native(graph)(INPUTS)[0]
    (path,) = entries(folder)
    whole = path.read_bytes()
    for content in damaged(whole):
        path.write_bytes(content)
        again = Native(graph)
        assert not again.from_cache
        np.testing.assert_array_equal(again(INPUTS)[0], known)
        assert path.read_bytes() == whole
        assert Native(graph).from_cache


def test_an_entry_under_another_name_is_not_loaded(folder: Path) -> None:
    one, other = parse_graph(TEXT), parse_graph(TEXT.replace("add", "multiply"))
    Native(one)
    (path,) = entries(folder)
    Native(other)
    (fresh,) = set(entries(folder)) - {path}
    fresh.write_bytes(path.read_bytes())
    again = Native(other)
    assert not again.from_cache
    np.testing.assert_array_equal(again(INPUTS)[0], INPUTS[0] * INPUTS[1])


def test_the_frame_survives_writing_down() -> None:
    program, _ = pipeline.compile_graph(step_graph(), shared())
    plain = signature(program).plain()
    assert read(plain) == signature(program)
    for name, value in (("slots", -1), ("slots", 1), ("inputs", ["3"]), ("constants", {"c": 1e3})):
        with pytest.raises((TypeError, ValueError)):
            read({**plain, name: value})


def test_the_oldest_by_use_leave_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:064x}" for number in range(6)]
    for age, name in enumerate(reversed(names)):
        cache.keep(name, {}, bytes(1000))
        os.utime(folder / f"{name}.code", (1e9 - age, 1e9 - age))
    assert cache.find(names[0]) is not None  # a use makes it the youngest
    monkeypatch.setattr(cache, "LIMIT", 4500)
    cache.keep("f" * 64, {}, bytes(1000))
    left = {path.stem for path in entries(folder)}
    assert left == {"f" * 64, names[0], names[4], names[5]}
    cache.keep("e" * 64, {}, bytes(5000))  # alone larger than everything
    assert {path.stem for path in entries(folder)} == left


def test_only_its_own_files_are_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(0o700)
    mine = folder / "thesis.code"
    mine.write_bytes(bytes(10_000))
    part = folder / f".{'a' * 64}.12.34.part"
    young = folder / f".{'b' * 64}.12.34.part"
    for path in (part, young):
        path.write_bytes(b"left")
    os.utime(mine, (0, 0))
    os.utime(part, (0, 0))
    monkeypatch.setattr(cache, "LIMIT", 3000)
    for number in range(5):
        cache.keep(f"{number:064x}", {}, bytes(1000))
    assert mine.exists() and young.exists() and not part.exists()
    assert len(entries(folder)) == 3  # two of ours and the thesis


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.warns(UserWarning, match="cannot be written: No space left") as told:
        program = Native(parse_graph(TEXT))
    assert not program.from_cache and not list(folder.iterdir())
    assert told[0].filename == __file__
    Native(parse_graph(TEXT))  # said once


def test_the_folder_is_the_users_alone(folder: Path) -> None:
    os.umask(os.umask(0))
    Native(parse_graph(TEXT))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in entries(folder)] == [0o600]


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX")
@pytest.mark.parametrize("how", ["group", "others", "link", "file", "owner"])
def test_a_folder_that_others_could_write_to_is_not_used(
    how: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Native(parse_graph(TEXT))
    before = [path.stat().st_mtime_ns for path in entries(folder)]
    if how == "group":
        folder.chmod(0o770)
    elif how == "others":
        folder.chmod(0o702)
    elif how == "link":
        folder.rename(folder.with_name("elsewhere"))
        folder.symlink_to(folder.with_name("elsewhere"))
    elif how == "file":
        folder.rename(folder.with_name("elsewhere"))
        folder.write_text("not a folder")
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    words = {"link": "no link", "file": "must be a folder"}.get(how, "must belong to you")
    with pytest.warns(UserWarning, match=words) as told:
        program = Native(parse_graph(TEXT))
    assert not program.from_cache
    assert len(told) == 1 and cache.VARIABLE in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Native(parse_graph(TEXT)).from_cache  # said once
    if how != "file":
        assert [path.stat().st_mtime_ns for path in entries(folder)] == before


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX")
@pytest.mark.parametrize("how", ["mode", "link", "folder", "pipe"])
def test_an_entry_that_others_could_write_to_is_not_loaded(how: str, folder: Path) -> None:
    Native(parse_graph(TEXT))
    (path,) = entries(folder)
    if how == "mode":
        path.chmod(0o666)
    else:
        path.rename(folder / "moved")
        {
            "link": lambda: path.symlink_to(folder / "moved"),
            "folder": path.mkdir,
            "pipe": lambda: os.mkfifo(path),
        }[how]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not Native(parse_graph(TEXT)).from_cache
    if how != "folder":
        assert Native(parse_graph(TEXT)).from_cache  # replaced by a whole one


@pytest.mark.parametrize("word", ["", "off", "OFF", "  "])
def test_it_can_be_switched_off(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, word)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Native(parse_graph(TEXT))
    assert not Native(parse_graph(TEXT)).from_cache
    assert not list(tmp_path.iterdir())


def test_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    for given, place in (
        (str(tmp_path / "x"), tmp_path / "x" / "pellucid"),
        ("", tmp_path / ".cache" / "pellucid"),
        ("relative", tmp_path / ".cache" / "pellucid"),
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert cache._folder() == place and place.is_dir()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache._default() == tmp_path / "Library" / "Caches" / "pellucid"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache._default() == tmp_path / "local" / "pellucid" / "cache"
    monkeypatch.setenv(cache.VARIABLE, "~/mine")
    assert cache._folder() == tmp_path / "mine"


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null"])
def test_without_a_home_it_works_in_silence(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Native(parse_graph(TEXT)).from_cache
        assert not Native(parse_graph(TEXT)).from_cache


@pytest.mark.slow
def test_many_threads_and_processes_share_it(folder: Path) -> None:
    """They write and read the same entries at once, while the limit throws some of them out."""
    code = """
import sys, numpy as np
from pellucid.graph.text import parse_graph
from pellucid.runtime import cache
from pellucid.runtime.native import Native
cache.LIMIT = 20_000
for number in range(40):
    scale = number % 8 + 1
    text = (f"graph(x: f32[3])\\nc: f32[3] = full(dtype=float32, shape=(3,), value={scale}.0)\\n"
            "v: f32[3] = multiply(x, c)\\nreturn v\\n")
    (out,) = Native(parse_graph(text))([np.ones(3, np.float32)])
    assert (out == scale).all(), (out, scale)
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    wrong: list[str] = []

    def here() -> None:
        try:
            for number in range(20):
                cache.keep(f"{number % 4:064x}", {"n": number}, bytes(1000))
                found = cache.find(f"{number % 4:064x}")
                assert found is None or (found.code == bytes(1000) and found.data["n"] % 4 < 4)
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=here) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in running:
        _, errors = one.communicate(timeout=120)
        assert one.returncode == 0, errors
    assert not wrong
    assert not list(folder.glob("*.part")) and not list(folder.glob(".*.part"))
    assert sum(path.stat().st_size for path in entries(folder)) < 100_000
