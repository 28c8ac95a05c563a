"""The program of a page: it reads back, ends in the page's bits, and never runs on it."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from pellucid.core.errors import DataError, PellucidError
from pellucid.nn import (
    L1,
    L2,
    Activation,
    BatchNorm,
    CrossEntropy,
    Dense,
    Dropout,
    He,
    Hinge,
    Huber,
    LayerNorm,
    Uniform,
)
from pellucid.optim import SGD, Adam, Cosine, Piecewise, RMSprop, WarmUp
from pellucid.web.parsing import parse
from pellucid.web.program import address, from_address, program
from pellucid.web.session import Session
from pellucid.web.settings import OWN, Change, Settings, Stop, checked
from pellucid.web.sources import Own

DEEP = (Dense(3, "relu", kernel_initializer=He()), Dropout(0.1), BatchNorm(), Dense(1, "tanh"))
CASES = {
    "plain": Settings(epochs=3),
    "deep": Settings(
        data="spiral",
        noise=0.1,
        layers=DEEP,
        optimizer=SGD(Cosine(0.1, 500), momentum=0.9, nesterov=True),
        penalties=(L2(0.001),),
        stop=Stop("patience", "val_loss", 20),
        epochs=9,
        batch_size=7,
        seed=5,
    ),
    "formula": Settings(
        data="x2 > sin(x1)", features=("x1", "x2", "x1*x2"), loss=Hinge(), epochs=1
    ),
    "values": Settings(
        data="gaussians",
        loss=Huber(0.5),
        layers=(Dense(2, use_bias=False), LayerNorm(), Activation("sigmoid"), Dense(1)),
        optimizer=Adam(WarmUp(0.01, 10)),
        dtype="float64",
    ),
    "classes": Settings(
        loss=CrossEntropy(label_smoothing=0.1),
        layers=(Dense(4, kernel_initializer=Uniform(0.5)), Dense(2)),
        optimizer=RMSprop(Piecewise((10, 20), (0.1, 0.01, 0.001))),
        epochs=4,
    ),
    "steered": Settings(
        penalties=(L1(0.01),),
        stop=Stop("below", "loss", 0.001),
        epochs=9,
        changes=(
            Change(3, SGD(0.1), (L1(0.1),)),
            Change(3, None, weights={"dense_1.b": [1.0, -0.5, 0.0, 2.0]}),
            Change(6, SGD(0.001), (L1(0.01),)),
        ),
    ),
    "own": Settings(data=OWN, features=("x1", "x3"), epochs=2),
}


@pytest.mark.parametrize("name", CASES)
def test_a_program_reads_back_as_what_was_written(name):
    settings = CASES[name]
    text = program(settings, settings.epochs, classes=2 if name != "values" else 0)
    assert parse(text) == settings
    compile(text, "program", "exec")


@pytest.mark.parametrize("name", CASES)
def test_an_address_holds_all_settings(name):
    start = CASES[name].start
    assert from_address(address(start)) == start
    assert from_address(f"http://127.0.0.1:1234/#token=abc&{address(start)}") == start


def test_the_address_of_the_first_page_is_empty():
    assert address(Settings()) == "" and from_address("") == Settings()


def _weights(model):
    return np.concatenate([one.ravel() for one in model.get_weights()])


def _run_elsewhere(text, folder, files=()):
    """The weights that a program ends in, in a process of its own."""
    for name, content in files:
        (folder / name).write_text(content)
    end = "\nnp.save('weights.npy', np.concatenate([w.ravel() for w in model.get_weights()]))\n"
    (folder / "program.py").write_text("import numpy as np\n" + text + end)
    subprocess.run([sys.executable, "program.py"], cwd=folder, check=True, timeout=120)
    return np.load(folder / "weights.npy")


def test_the_exported_program_ends_in_the_bits_of_the_page(tmp_path):
    session = Session(Settings(data="spiral", layers=DEEP, optimizer=SGD(0.1, momentum=0.5)))
    session.step(4)
    session.change({"optimizer": SGD(0.02, momentum=0.5)})
    session.step(3)
    session.set_weight("dense_1.W", (0, 1), 0.25)
    session.step(1)
    assert np.array_equal(_run_elsewhere(session.program(), tmp_path), _weights(session.model))
    # And the same program in the panel of another page.
    other = Session()
    other.run_program(session.program())
    while other.playing:
        other.train()
    assert np.array_equal(_weights(other.model), _weights(session.model))
    assert other.program() == session.program()


@pytest.mark.slow
def test_programs_of_own_rows_classes_and_stop_rules_end_in_the_same_bits(tmp_path):
    draw = np.random.default_rng(0)
    own = Own(draw.normal(size=(90, 3)), draw.integers(0, 3, 90), 3, ("a", "b", "c"))
    session = Session(own=own)
    session.set_own(own)
    session.change({"optimizer": Adam(0.01), "penalties": (L2(0.01),)})
    session.step(5)
    session.change({"penalties": (L2(0.5),), "optimizer": Adam(0.01)})
    session.step(5)
    files = [("points.csv", own.csv())]
    found = _run_elsewhere(session.program(), tmp_path, files)
    assert np.array_equal(found, _weights(session.model))

    rule = Stop("patience", "val_loss", 3)
    session = Session(Settings(data="gauss", noise=0.5, stop=rule, optimizer=SGD(0.3)))
    session.play()
    while session.playing and session.epoch < 5000:
        session.train()
    assert 3 < session.epoch < 5000 and not session.playing
    found = _run_elsewhere(session.program(), tmp_path)
    assert np.array_equal(found, _weights(session.model))


PLAIN = program(Settings(), 3, 2)


def _with(old, new):
    assert old in PLAIN
    return PLAIN.replace(old, new, 1)


MODEL = "model = pel.Sequential(["
ATTACKS = [
    # statements
    "import os",
    "import os as pel",
    "import numpy",
    "import pellucid as pel, os",
    "from os import system",
    "from pellucid import data",
    "from pellucid.nn import *",
    "from pellucid.nn import Dense as np",
    "from pellucid.nn import Conv2D",
    "from . import x",
    "from pellucid.core.forks import load",
    "print('hello')",
    "exec('1')",
    "eval('1')",
    "open('/tmp/x', 'w')",
    "x = 1",
    "model = 1",
    "pel = 1",
    "del model",
    "def f(): pass",
    "class A: pass",
    "for i in range(9): pass",
    "while True: pass",
    "if True: pass",
    "with open('/tmp/x') as f: pass",
    "try:\n    pass\nexcept Exception:\n    pass",
    "lambda: 1",
    "assert False",
    "raise SystemExit",
    "global x",
    "return 1",
    "yield 1",
    "await x",
    "async def f(): pass",
    "match x:\n    case 1: pass",
    "@print\ndef f(): pass",
    "x: int = 1",
    "x += 1",
    "(y := 3)",
    "type X = int",
    "'text'",
    "1",
    "...",
    "model",
    "model.fit",
    "model.save('/tmp/x')",
    "model.predict(x)",
    "model.compile.__globals__",
    "pel.load('/etc/passwd')",
    "pel.data.read_table('/etc/passwd')",
    "table = np.loadtxt('/etc/passwd')",
    'table = np.loadtxt("points.csv", delimiter=",", skiprows=0)',
    "x, y = np.load('x.npy', allow_pickle=True)",
    "x, y = pel.data.points(open('/etc/passwd').read())",
    "x, y = pel.data.points('own')",
    "x, y = pel.data.points(*['circle'])",
    "x, y = pel.data.points(**{'kind': 'circle'})",
    "x, y = pel.data.points('circle', rows=len)",
    "x, y = pel.data.points('circle', rows=10**9)",
    "x, y = pel.data.points('circle', path='/etc')",
    "x, z = pel.data.points('circle')",
    "x[0], y = pel.data.points('circle')",
    "x = y = pel.data.points('circle')",
    "x = pel.data.features(model, ['x1'])",
    "x = pel.data.features(x, [str(1)])",
    "x = pel.data.features(x, [f'x{1}'])",
    "x = pel.data.features(x, 'x1')",
    "kept, held = pel.data.split(10, 0.5, seed=0)",
    "kept, held = pel.data.split(len(x), 0.5, seed=7)",
    # expressions
    MODEL + "Dense(4, activation=lambda x: x)], seed=0)",
    MODEL + "Dense(4, activation=print)], seed=0)",
    MODEL + "Dense(2 + 2)], seed=0)",
    MODEL + "Dense(int('4'))], seed=0)",
    MODEL + "Dense(*[4])], seed=0)",
    MODEL + "Dense(**{'units': 4})], seed=0)",
    MODEL + "Dense.__class__(4)], seed=0)",
    MODEL + "pel.nn.Dense.__init__(4)], seed=0)",
    MODEL + "getattr(pel, 'nn')], seed=0)",
    MODEL + "pel.nn.__builtins__['exec']('1')], seed=0)",
    MODEL + "nn.losses.named.np.load('x')], seed=0)",
    MODEL + "os.nn.Dense(4)], seed=0)",
    MODEL + "Conv2D(4, 3)], seed=0)",
    MODEL + "Basis(print)], seed=0)",
    MODEL + "Dense(4) for _ in range(3)], seed=0)",
    MODEL + "Dense(4)] * 1000, seed=0)",
    MODEL + "Dense(4) if True else Dense(5)], seed=0)",
    MODEL + "Dense(units=(lambda: 4)())], seed=0)",
    MODEL + "Dense(f'{4}')], seed=0)",
    MODEL + "Dense(b'4')], seed=0)",
    MODEL + "Dense(4j)], seed=0)",
    MODEL + "Dense(-'4')], seed=0)",
    MODEL + "Dense({4})], seed=0)",
    MODEL + "Dense({**{}})], seed=0)",
    MODEL + "Dense(0)], seed=0)",
    MODEL + "Dense(units=4, activation='exec')], seed=0)",
    MODEL + "Dense(4)], seed=None)",
    MODEL + "Dense(4)], seed=0, name='x')",
    "model.compile(SGD(0.1), print)",
    "model.compile(SGD(0.1), 'no such loss')",
    "model.compile(SGD(Custom()), 'squared')",
    "model.set_weights(np.load('x.npy', allow_pickle=True))",
    # what is no program at all
    "\0",
    "x = (",
    "(" * 5000,
    "[" * 150 + "]" * 150,
    "-" * 4000 + "1",
    "1" * 6000,
    "\ud800",
    "x" * 500_000,
]


@pytest.mark.parametrize("place", range(len(ATTACKS)))
def test_attempts_to_make_the_panel_run_something(place, capsys):
    text = ATTACKS[place]
    with pytest.raises(DataError) as caught:
        parse(text)
    assert "line " in str(caught.value) or "at most" in str(caught.value)
    assert capsys.readouterr().out == ""
    if len(text) < 2000 and "\0" not in text and "\ud800" not in text:
        with pytest.raises(DataError, match="line "):  # behind a program that is whole, too
            parse(PLAIN + "\n" + text)


def test_there_are_a_hundred_attempts():
    assert len(ATTACKS) >= 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_with("batch_size=10", "batch_size=None"), "batch_size must be int, got None"),
        (_with("epochs=3", "epochs=-1"), "epochs"),
        (_with("verbose=0", "callbacks=[pel.Callback()]"), "callbacks are"),
        (_with("verbose=0", "checkpoint='/tmp/x'"), "unknown argument 'checkpoint'"),
        (_with("x[kept], y[kept]", "x, y"), "fit takes x[kept], y[kept]"),
        (_with("units=4, activation='tanh'", "units=4, activation='tan'"), "'tanh'"),
        (_with("'half_squared'", "'half_square'"), "unknown loss"),
    ],
)
def test_a_slip_is_refused_with_what_was_wrong(text, said):
    with pytest.raises(PellucidError) as caught:
        checked(parse(text))
    assert said in str(caught.value)


def test_a_slip_names_its_line():
    lines = PLAIN.splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "Dense(units=2" in line)
    with pytest.raises(DataError, match=f"line {number}:"):
        parse(PLAIN.replace("Dense(units=2", "Dense(unit=2"))


def test_changes_stand_in_the_order_of_the_run():
    steered = dataclasses.replace(CASES["steered"], epochs=4)
    text = program(steered, 4, 2)
    assert text.count("model.fit(") == 2 and "0.001)," not in text.split("set_weights")[1]
