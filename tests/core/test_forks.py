"""Forks: a child made at any moment works, whatever the other threads of its parent were doing."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from pellucid.core import forks

SOURCE = Path(forks.__file__).parent.parent
HOME = SOURCE / "core" / "forks.py"
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX")

# Each of these holds a lock, or waits on threads, that a forked child would not get back.
MADE_BY_US = re.compile(
    r"\b(Lock|RLock|Condition|Semaphore|BoundedSemaphore|Event|Barrier|Timer|ThreadPoolExecutor"
    r"|ProcessPoolExecutor|ThreadPool|Queue|SimpleQueue|LifoQueue|cached_property"
    r"|register_at_fork)\b\s*(\(|$)",
    re.M,
)


# A server's threads stay with the process that serves; a child has no page and asks nothing.
SERVES = SOURCE / "web"
# The main file of a process of its own.
SCRIPT = SOURCE / "compiler" / "codegen" / "emit_object.py"


def sources() -> list[Path]:
    return [path for path in SOURCE.rglob("*.py") if path != HOME]


# -- one home ---------------------------------------------------------------------------------


def test_locks_pools_and_hooks_are_made_in_one_place() -> None:
    """`functools.cached_property` holds a lock of its own up to Python 3.11."""
    found = [
        f"{path.relative_to(SOURCE)}:{text.count(chr(10), 0, match.start()) + 1} {match.group(1)}"
        for path in sources()
        if SERVES not in path.parents
        for text in [path.read_text()]
        for match in MADE_BY_US.finditer(text)
        if "forks." not in text[max(0, match.start() - 6) : match.start()]
    ]
    assert found == []


def test_imports_inside_functions_let_no_fork_in() -> None:
    """Python's lock of a module under import stays held in a child for ever."""

    def guarded(node: ast.AST) -> bool:
        return isinstance(node, ast.With) and "importing" in ast.unparse(node.items[0])

    found = []

    def look(node: ast.AST, path: Path, inside: bool, safe: bool) -> None:
        inside = inside or isinstance(node, ast.FunctionDef)
        safe = safe or guarded(node)
        imports = isinstance(node, ast.Import | ast.ImportFrom)
        calls = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        )
        if (imports and inside and not safe) or calls:
            found.append(f"{path.relative_to(SOURCE)}:{node.lineno}")  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            look(child, path, inside, safe)

    for path in sources():
        if path == SCRIPT:
            continue
        look(ast.parse(path.read_text()), path, False, False)
    assert found == []


# -- what they do -----------------------------------------------------------------------------


def child(code: str, timeout: float = 60) -> str:
    """Runs `code`; in it `forked(f)` gives what f returns in a forked child, "hangs" at worst."""
    prelude = """
    import os, select, signal, sys, threading, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # forks of a process with threads
    def forked(function, seconds=20.0):
        out, into = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                os.write(into, str(function()).encode())
            except BaseException as error:
                os.write(into, repr(error).encode())
            os._exit(0)
        ready = select.select([out], [], [], seconds)[0]
        said = os.read(out, 4096).decode() if ready else "hangs"
        os.kill(process, signal.SIGKILL); os.waitpid(process, 0); os.close(out); os.close(into)
        return said
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PELLUCID_CACHE": "off"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@POSIX
def test_a_lock_is_free_in_a_child_but_for_the_thread_that_forked() -> None:
    said = child(
        """
        from pellucid.core import forks
        other, own, claim, mine = forks.Lock(), forks.Lock(), forks.Claim(), forks.Claim()
        held = threading.Event()
        def hold():
            with other:
                forks.hold([claim], lambda own: (held.set(), time.sleep(60)))
        threading.Thread(target=hold, daemon=True).start(); held.wait()
        def entered(*locks):
            found = []
            def enter():
                found.extend(lock._lock.acquire(False) for lock in locks)
            thread = threading.Thread(target=enter)
            thread.start(); thread.join()
            return found
        def free():
            got = forks.hold([claim], lambda had: (*entered(other, own), had))
            return (*got, forks.hold([mine], bool), forks.count())
        with own:
            forks.hold([mine], lambda _: print(forked(free), *entered(other), forks.count()))
        """
    )
    assert said.split("\n")[0] == "(True, False, True, False, 1) False 0"


@POSIX
def test_a_fork_waits_for_a_guard_and_for_an_import() -> None:
    said = child(
        """
        from pellucid.core import forks
        guard = threading.RLock()
        forks.wait_for(guard)
        for each in (guard, forks.importing):
            held = threading.Event()
            def hold():
                with each:
                    held.set(); time.sleep(0.2)
            threading.Thread(target=hold).start(); held.wait()
            start = time.perf_counter()
            print(forked(lambda: each.acquire(timeout=5)), time.perf_counter() - start > 0.15)
            with each:  # the forking thread itself is inside
                print(forked(lambda: each.acquire(timeout=5)))
        """
    )
    assert said.split() == ["True", "True", "True"] * 2


def test_a_claim_is_for_one_call_and_no_copy_has_it() -> None:
    claim, other = forks.Claim(), forks.Claim()

    def inside(first: bool) -> None:
        assert first and not claim.free
        assert not forks.hold([claim], bool)
        assert not forks.hold([other, claim], bool), "a call has all of them, or none"
        assert other.free and not forks.hold([claim], bool), "the first call still has it"
        for one in (copy.deepcopy(claim), pickle.loads(pickle.dumps(claim))):
            assert one.free and forks.hold([one], bool)

    def interrupted(own: bool) -> None:
        raise KeyboardInterrupt

    forks.hold([claim, claim], inside)
    with pytest.raises(KeyboardInterrupt):
        forks.hold([claim], interrupted)
    assert claim.free and forks.hold([claim], bool)


def test_of_many_threads_one_has_the_claim() -> None:
    claim, most, now, lock = forks.Claim(), [0], [0], threading.Lock()

    def work() -> None:
        for _ in range(300):
            forks.hold([claim], count)

    def count(own: bool) -> None:
        if own:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            with lock:
                now[0] -= 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1]


@POSIX
def test_a_child_made_inside_a_part_does_the_other_parts_itself() -> None:
    said = child(
        """
        from pellucid.runtime.threads import in_chunks
        parent, children = os.getpid(), []
        def run(start, stop):
            if start == 0 and os.getpid() == parent and not children:
                children.append(os.fork())
            time.sleep(0.05)
            return start
        result = in_chunks(run, 8, 1, 3)
        again = in_chunks(lambda start, stop: start, 8, 1, 3)
        assert result == again == list(range(8)), (result, again)
        if os.getpid() != parent:
            os._exit(7)
        for _ in range(200):
            gone, status = os.waitpid(children[0], os.WNOHANG)
            if gone:
                break
            time.sleep(0.05)
        else:
            os.kill(children[0], signal.SIGKILL)
        print(os.waitstatus_to_exitcode(status) if gone else "hangs")
        """
    )
    assert said.split() == ["7"]


@POSIX
def test_a_child_made_in_a_callback_trains_on_to_the_same_bits() -> None:
    said = child(
        """
        import hashlib, numpy as np, pellucid as pel
        x, y = np.random.default_rng(0).normal(size=(4000, 300)).astype("f4"), np.arange(4000) % 3
        parent, children = os.getpid(), []
        class Forks(pel.Callback):
            def on_epoch(self, run):
                if not children:
                    children.append(os.fork())
        net = pel.Sequential([pel.nn.Dense(200, activation="relu"), pel.nn.Dense(3)], seed=0)
        net.compile("sgd", "cross_entropy")
        out, into = os.pipe()
        net.fit(x, y, epochs=3, batch_size=100, seed=0, verbose=0, callbacks=Forks(), threads=2)
        said = hashlib.sha256(b"".join(w.tobytes() for w in net.get_weights())).hexdigest()
        if os.getpid() != parent:
            os.write(into, said.encode()); os._exit(0)
        ready = select.select([out], [], [], 30)[0]
        print(bool(ready) and os.read(out, 100).decode() == said)
        os.kill(children[0], signal.SIGKILL)
        """
    )
    assert said.split() == ["True"]


BUSY = """
import io, tempfile, numpy as np, pellucid as pel
x, y = np.random.default_rng(0).normal(size=(400, 8)).astype("f4"), np.arange(400) % 3
def model():
    made = pel.Sequential([pel.nn.Dense(16, activation="relu"), pel.nn.Dense(3)], seed=0)
    made.compile("sgd", "cross_entropy")
    return made
shared = model(); shared.fit(x, y, epochs=1, verbose=0, seed=0)
folder = tempfile.mkdtemp()
def compiling(i): pel.jit(lambda a: np.tanh(a * i).sum() + i)(x)
def fitting(i): shared.fit(x, y, epochs=3, verbose=0, seed=i, threads=2)
def predicting(i): shared.predict(np.tile(x, (20, 1)))
def saving(i): shared_copy.save(f"{folder}/m.safetensors", overwrite=True)
shared_copy = model(); shared_copy.fit(x, y, epochs=1, verbose=0, seed=0)
def for_ever(function):
    i = 0
    while True:
        i += 1
        function(i)
def work():
    assert pel.jit(lambda a: a * 3)(x).shape == x.shape
    mine = model(); mine.fit(x, y, epochs=1, verbose=0, seed=1, threads=2)
    shared.fit(x, y, epochs=1, verbose=0, seed=1, threads=2)
    shared.predict(np.tile(x, (4, 1)))
    mine.save(f"{folder}/{os.getpid()}.safetensors")
    return "ok"
for function in (compiling, fitting, predicting, saving):
    threading.Thread(target=for_ever, args=(function,), daemon=True).start()
rng = np.random.default_rng(SEED)
said = []
for _ in range(COUNT):
    time.sleep(rng.uniform(0, 0.05))
    said.append(forked(work, 30.0))
print(sorted(set(said)), len(said))
os._exit(0)
"""


@POSIX
@pytest.mark.slow
def test_children_of_a_busy_process_compile_train_predict_and_save() -> None:
    """Forks at random moments of other threads' compilations, runs, predictions and files."""
    said = child(BUSY.replace("SEED", "1").replace("COUNT", "20"), timeout=600)
    assert said.strip() == "['ok'] 20"


@POSIX
def test_a_child_compiles_while_its_parent_did() -> None:
    code = BUSY.replace("SEED", "2").replace("COUNT", "3")
    assert child(code).strip() == "['ok'] 3"
