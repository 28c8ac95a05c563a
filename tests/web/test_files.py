"""A model file on the page: nothing of it is lost, and the run goes on as Python's would."""

import base64
import dataclasses
import json
import runpy
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import DataError, PellucidError
from pellucid.nn import BatchNorm, Dense, Dropout
from pellucid.optim import Adam, Cosine
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.parsing import parse
from pellucid.web.playing import _session
from pellucid.web.session import Session

RATE = {"type": "Adam", "learning_rate": 0.01}


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def load(session, content):
    text = base64.b64encode(content).decode()
    for at in range(0, len(text), 5000):  # in parts, as a large file comes
        more = at + 5000 < len(text)
        do(session, do="load", content=text[at : at + 5000], more=more)


def made(send=lambda message: None):
    return Session(send=send)


def same(first, second):
    def parts(model):
        slots = model.slots or {}
        leaves = [*model.get_weights(), *(a for one in slots.values() for a in one)]
        return [*leaves, *(a for one in model.state.values() for a in one.values())]

    pairs = list(zip(parts(first), parts(second), strict=True))
    return len(pairs) > 0 and all(np.array_equal(a, b) for a, b in pairs)


def rows(session):
    return session.rows.train


def trained(session, epochs=3):
    """A network with all that a file can lose, and how the page has it."""
    layers = [Dense(5, "tanh"), BatchNorm(), Dropout(0.2), Dense(1, "tanh")]
    do(session, do="set", values={"layers": [pel.core.config.to_config(one) for one in layers]})
    do(session, do="set", values={"optimizer": RATE})
    do(session, do="step", epochs=epochs)
    return session


@pytest.fixture
def file(tmp_path):
    """A file of a run of four epochs, and the same run without a stop after six."""
    page = trained(made(), 4)
    page.model.save(tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    do(page, do="step", epochs=2)
    return content, page.model


def test_the_run_of_a_file_goes_on_where_it_stood(file):
    content, whole = file
    page = made()
    load(page, content)
    assert page.epoch == 4 and page.settings.loaded.resumes
    assert isinstance(page.settings.optimizer, Adam) and page.settings.batch_size == 10
    do(page, do="step", epochs=2)
    assert page.epoch == 6 and same(page.model, whole)
    assert page.model.history.epochs == whole.history.epochs
    assert page.model.history.counts == whole.history.counts
    do(page, do="rewind")
    assert page.epoch == 4
    do(page, do="step", epochs=2)
    assert same(page.model, whole)


def test_page_file_python_page(file, tmp_path):
    content, _ = file
    page = made()
    load(page, content)
    do(page, do="step", epochs=1)
    page.model.save(tmp_path / "page.safetensors")
    python = pel.load(tmp_path / "page.safetensors")
    x, y = rows(page)
    python.fit(x, y, batch_size=10, epochs=7, seed=0, verbose=0, resume=True)
    python.save(tmp_path / "python.safetensors")
    load(page, (tmp_path / "python.safetensors").read_bytes())
    assert page.epoch == 7 and same(page.model, python)
    do(page, do="step", epochs=1)
    python.fit(x, y, batch_size=10, epochs=8, seed=0, verbose=0, resume=True)
    assert same(page.model, python) and page.model.history.epochs == python.history.epochs


def run(program, folder, **contents):
    for name, content in contents.items():
        (folder / f"{name}.safetensors").write_bytes(content)
    (folder / "program.py").write_text(program)
    return runpy.run_path(str(folder / "program.py"))["model"]


def steered(page):
    do(page, do="set", values={"optimizer": {**RATE, "learning_rate": 0.05}})
    do(page, do="step", epochs=2)
    do(page, do="weight", name="dense_1.b", index=[1], value=0.25)
    do(page, do="set", values={"optimizer": {**RATE, "learning_rate": 0.002}})
    do(page, do="step", epochs=1)


def plain(page):
    do(page, do="step", epochs=2)


def other_data(page):
    do(page, do="set", values={"data": "xor"})
    do(page, do="step", epochs=2)
    do(page, do="set", values={"optimizer": {**RATE, "learning_rate": 0.05}})
    do(page, do="step", epochs=1)


def other_batch(page):
    do(page, do="set", values={"batch_size": 25})
    do(page, do="step", epochs=2)


def other_optimizer(page):
    do(page, do="set", values={"optimizer": {"type": "SGD", "learning_rate": 0.1}})
    do(page, do="step", epochs=2)


def untouched(page):
    pass


CASES = (plain, steered, other_data, other_batch, other_optimizer, untouched)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("act", CASES, ids=lambda act: act.__name__)
def test_the_program_of_a_loaded_file_ends_in_the_page_s_bits(file, act, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = made()
    load(page, file[0])
    act(page)
    found = run(page.program(), tmp_path, model=file[0])
    assert same(found, page.model), page.program()
    assert found.history.epochs == page.model.history.epochs
    assert found.training["step"] == page.model.training["step"]
    # And back: the page reads its own program, and ends there too.
    other = Session(file=file[0])
    do(other, do="program", text=page.program())
    while other.playing:
        other.train()
    assert other.epoch == page.epoch and same(other.model, page.model)
    assert other.program() == page.program()


@pytest.mark.slow
def test_in_a_fresh_process(file, tmp_path):
    page = made()
    load(page, file[0])
    steered(page)
    (tmp_path / "model.safetensors").write_bytes(file[0])
    (tmp_path / "program.py").write_text(page.program() + 'model.save("end.safetensors")\n')
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=60)
    assert same(pel.load(tmp_path / "end.safetensors"), page.model)


def test_a_file_of_other_data_says_what_stays(file, tmp_path):
    said = []
    page = made(send=said.append)
    do(page, do="set", values={"data": "spiral"})
    load(page, file[0])
    notes = [m["text"] for m in said if isinstance(m, dict) and m["kind"] == "note"]
    assert "data must be" in notes[-1] and "epochs count anew" in notes[-1]
    assert page.epoch == 0 and not page.settings.loaded.resumes
    (tmp_path / "model.safetensors").write_bytes(file[0])
    python = pel.load(tmp_path / "model.safetensors")
    assert same(page.model, python)  # slots and means too
    do(page, do="step", epochs=2)
    python.fit(*rows(page), batch_size=10, epochs=2, seed=0, verbose=0)
    assert page.epoch == 2 and same(page.model, python)


def test_the_curve_begins_with_the_history_of_the_file(file):
    said = []
    page = made(send=said.append)
    load(page, file[0])
    screen = [m for m in said if isinstance(m, dict) and m["kind"] == "screen"][-1]
    assert screen["begun"] == 4 and [row[0] for row in screen["past"]] == [1, 2, 3, 4]
    assert [row[1] for row in screen["past"]] == file[1].history.epochs["loss"][:4]


@pytest.mark.slow
def test_another_network_takes_the_place_of_the_file_s(file):
    page = made()
    load(page, file[0])
    layers = [{"type": "Dense", "units": 3}, {"type": "Dense", "units": 1}]
    do(page, do="set", values={"layers": layers})
    assert page.settings.loaded is None and page.epoch == 0
    assert "pel.load" not in page.program()
    load(page, file[0])
    do(page, do="reset")
    assert page.settings.loaded is None and page.epoch == 0


@pytest.mark.slow
def test_weights_set_by_hand_go_where_the_network_has_no_place_for_them():
    page = made()
    do(page, do="weight", name="dense_1.W", index=[0, 0], value=1.0)
    do(page, do="set", values={"batch_size": 20})
    assert page.model.weights["dense_1.W"][0, 0] == 1
    layers = [{"type": "Dense", "units": 7}, {"type": "Dense", "units": 1}]
    do(page, do="set", values={"layers": layers})
    assert page.model.weights["dense_1.W"].shape == (2, 7) and not page.settings.changes


def test_a_model_of_python_s_goes_on_with_its_slots_and_means(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(file[0])
    x, y = pel.data.points("gauss", rows=60)
    model = pel.load(tmp_path / "model.safetensors")
    page = _session(model, x, y, 0.2, None)
    assert page.model is model and same(model, pel.load(tmp_path / "model.safetensors"))
    do(page, do="step", epochs=2)
    files = []
    page.send = files.append
    do(page, do="export")
    for message in files:
        header, arrays = frames.unpack(message)
        content = arrays["content"].tobytes()[: header["size"]]
        (tmp_path / header["name"]).write_bytes(content)
    found = runpy.run_path("program.py")["model"]
    assert found is not model and same(found, model)


@pytest.mark.slow
def test_a_schedule_goes_on_with_the_step_of_the_file(tmp_path):
    model = pel.Sequential([Dense(3, "tanh"), Dense(1, "tanh")], seed=3)
    model.compile(Adam(Cosine(0.1, 200)), "half_squared")
    page = made()
    model.fit(*rows(page), batch_size=10, epochs=3, seed=9, verbose=0)
    model.save(tmp_path / "a.safetensors")
    load(page, (tmp_path / "a.safetensors").read_bytes())
    do(page, do="step", epochs=2)
    model.fit(*rows(page), batch_size=10, epochs=5, seed=9, verbose=0, resume=True)
    assert page.epoch == 5 and same(page.model, model)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            lambda text: text.replace("epochs=6", "epochs=6, resume=True"),
            "resume stands there twice",
        ),
        (lambda text: text.replace("batch_size=10", "batch_size=20"), "batch_size must be 10"),
        (lambda text: text.replace("'circle'", "'xor'"), "data must be"),
    ],
)
def test_a_program_that_cannot_resume_is_refused(file, change, wanted):
    page = Session(file=file[0])
    load(page, file[0])
    do(page, do="step", epochs=2)
    text = change(page.program())
    before = page.program()
    with pytest.raises(PellucidError, match=wanted):
        page.run_program(text)
    assert page.program() == before


def test_what_is_no_file_for_the_page_leaves_everything_as_it_was(file, tmp_path):
    page = made()
    do(page, do="step", epochs=1)
    before = page.program()
    with pytest.raises(PellucidError):
        load(page, b"nonsense")
    with pytest.raises(DataError, match="no model file yet"):
        page.run_program(made_program(file[0]))
    do(page, do="set", values={"features": ["x1"]})
    with pytest.raises(DataError, match="Choose its features"):
        load(page, file[0])
    do(page, do="set", values={"features": ["x1", "x2"]})
    do(page, do="step", epochs=1)
    assert page.program() == before and page.settings.loaded is None


def made_program(content):
    page = made()
    load(page, content)
    return page.program()


def test_a_program_that_loads_is_read_as_written():
    text = (
        "x, y = pel.data.points('circle')\nx = pel.data.features(x, ['x1', 'x2'])\n"
        'model = pel.load("model.safetensors")\n'
    )
    read = parse("import pellucid as pel\n" + text)
    assert read.loaded == dataclasses.replace(read.loaded, resumes=None) and not read.layers
    for path in ("/etc/passwd", "../model.safetensors", "other.safetensors"):
        with pytest.raises(DataError, match="line 3"):
            parse(text.replace("model.safetensors", path))
