"""The support vector machine of the page: its numbers against sums by hand, and its program."""

import contextlib
import io
import json

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import PellucidError
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.machine import MOST_ROWS, Machine, of_text
from pellucid.web.machine_look import INSIDE, ON_MARGIN, WRONG
from pellucid.web.parsing import parse
from pellucid.web.program import address, from_address
from pellucid.web.session import Session
from pellucid.web.settings import Settings
from pellucid.web.sources import from_csv


def made(own=None, **settings):
    told = []
    session = Session(Settings(**settings), own, send=told.append)
    session.told = told
    return session


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def last(session, kind="machine"):
    for message in reversed(session.told):
        header, arrays = (message, {}) if isinstance(message, dict) else frames.unpack(message)
        if header["kind"] == kind:
            return header, arrays
    return None


def gram(machine, gamma, x, z):
    products = x @ z.T
    if machine.kernel == "rbf":
        apart = (x**2).sum(1)[:, None] + (z**2).sum(1) - 2 * products
        return np.exp(-gamma * apart)
    moved = gamma * products + machine.coef0
    if machine.kernel == "linear":
        return products
    return moved**machine.degree if machine.kernel == "poly" else np.tanh(moved)


MACHINES = [
    Machine("linear", 0.3),
    Machine("poly", 2.0, gamma=0.2, degree=2, coef0=1.0),
    Machine("rbf", 3.0),
    Machine("rbf", 3.0, gamma="auto"),
    Machine("linear", hard=True),
]


@pytest.mark.lecture("T1.B2")
@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_the_numbers_are_those_of_sums_by_hand(machine):
    data = {"data": "gauss", "noise": 0.0 if machine.hard else 0.3, "rows": 160}
    session = made(**data, svm=machine)
    do(session, do="show")
    header, arrays = last(session)
    rows, kept = session.rows, session.rows.kept
    x, t = rows.inputs[kept], 2.0 * rows.shown[kept] - 1
    a = session.machine.pairs[0].a
    K = gram(machine, header["gamma"], x, x)
    beta = a * t
    f = K @ beta + header["b"]
    slack = np.maximum(0, 1 - t * f)
    square = beta @ K @ beta
    tol = {"rel": 1e-6, "abs": 1e-6}
    assert header["norm"] == pytest.approx(np.sqrt(square), **tol)
    assert header["margin"] == pytest.approx(1 / np.sqrt(square), **tol)
    assert header["dual"] == pytest.approx(a.sum() - square / 2, **tol)
    C = 0 if machine.hard else machine.C
    assert header["objective"] == pytest.approx(square / 2 + C * slack.sum(), rel=1e-5)
    assert -1e-7 <= header["gap"] < 1e-3 * header["objective"]
    assert arrays["slack"][kept] == pytest.approx(slack, abs=1e-4)
    assert arrays["a"][kept] == pytest.approx(a, rel=1e-5)
    where = arrays["where"][kept]
    assert ((a > 0) <= (where > 0)).all() and (where[slack >= 1] == WRONG).all()
    some = (slack > 1e-2) & (slack < 1)
    assert (where[some] == INSIDE).all()
    # A row on the margin has f = t, up to the tolerance of the solver.
    assert np.abs(f - t)[where == ON_MARGIN] == pytest.approx(0, abs=2e-3)
    counts = [int((where == k).sum()) for k in (ON_MARGIN, INSIDE, WRONG)]
    assert counts == [header[name] for name in ("on_margin", "inside", "wrong")]
    assert header["support"] == (a > 0).sum()
    # The plane, a ring of cells wider than the map.
    side = (np.arange(-1, 61) + 0.5) / 60 * 12 - 6
    plane = np.stack(np.meshgrid(side, -side), -1).reshape(-1, 2)
    wanted = gram(machine, header["gamma"], plane, x) @ beta + header["b"]
    assert arrays["decision"].ravel() == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    if header["w"]:
        assert header["w"] == pytest.approx((beta @ x).tolist(), rel=1e-4, abs=1e-6)


@pytest.mark.lecture("T1.B5")
def test_the_value_under_the_cursor_is_the_sum_over_support_vectors():
    session = made(svm=Machine("poly", 5.0, gamma=0.1, degree=3, coef0=1.0))
    do(session, do="at", x1=1.25, x2=-0.5)
    told = last(session, "at")[0]["machine"]
    one, gamma = session.machine.pairs[0], 0.1
    rows = session.rows.inputs[one.rows]
    k = gram(session.settings.svm, gamma, rows, np.array([[1.25, -0.5]]))[:, 0]
    assert told["f"] == pytest.approx((one.a * one.t * k).sum() + one.b, rel=1e-6)
    largest = np.sort(np.abs(one.a * one.t * k))[::-1][:3]
    assert [abs(w * v) for _, w, v in told["terms"]] == pytest.approx(largest.tolist(), rel=1e-6)
    near = int(((rows - [1.25, -0.5]) ** 2).sum(1).argmin())
    assert told["near"]["row"] == one.rows[near] and told["near"]["a"] == one.a[near]


def three():
    draw = np.random.default_rng(3)
    y = np.arange(90) % 3
    centre = 2.0 * np.stack([np.cos(2 * np.pi * y / 3), np.sin(2 * np.pi * y / 3)], 1)
    x = centre + draw.normal(size=(90, 2))
    lines = [f"{a:.4f},{b:.4f},{'pqr'[k]}" for (a, b), k in zip(x, y, strict=True)]
    return from_csv("\n".join(["left,up,kind", *lines]))


def test_several_classes_are_pairs_each_with_its_own_margin():
    session = made(three(), data="own", held=0.3, svm=Machine("rbf", 2.0, gamma=0.5))
    do(session, do="show")
    header, arrays = last(session)
    assert header["pairs"] == [[0, 1], [0, 2], [1, 2]] and arrays["regions"].shape == (3, 60, 60)
    assert (arrays["regions"].sum(0) == 1).all()
    x, y = session.rows.inputs[session.rows.kept], session.rows.shown[session.rows.kept]
    for number, (i, j) in enumerate(header["pairs"]):
        do(session, do="pair", pair=number)
        shown, _ = last(session)
        mine = (y == i) | (y == j)
        alone = pel.svm.SVC("rbf", C=2.0, gamma=0.5).fit(x[mine], y[mine])
        assert shown["objective"] == pytest.approx(alone.certificate.primal, rel=1e-4)
        assert shown["dual"] == pytest.approx(alone.certificate.dual, rel=1e-4)
        one = session.machine.pairs[number]
        assert np.array_equal(one.rows, session.rows.kept[mine])
        assert (one.t == np.where(y[mine] == i, 1, -1)).all()
        assert one.a.sum() == pytest.approx(2 * one.a[one.t > 0].sum())  # Σ a·t = 0
    with pytest.raises(PellucidError, match="no pair 3"):
        do(session, do="pair", pair=3)
    do(session, do="set", values={"svm": {"kernel": "rbf", "C": 4.0}})
    assert last(session)[0]["pair"] == 2  # it stays with the pair that was looked at


def test_a_point_that_is_moved_added_or_deleted_makes_another_machine():
    session = made(data="gauss", rows=60, held=0.5, svm=Machine("linear", 1.0))
    row = int(session.rows.kept[0])
    before = session.rows.x.copy()
    do(session, do="move", row=row, x1=-5.5, x2=5.0)
    assert session.rows.x[row].tolist() == [-5.5, 5.0]
    others = np.arange(60) != row
    assert np.array_equal(session.rows.x[others], before[others])
    assert session.rows.low.tolist() == [-6, -6]  # the picture stays where it is
    do(session, do="move", row=row, x1=-9.0, x2=5.0)
    assert session.rows.low.tolist() == [-9, -6]
    do(session, do="draw", points=[[0.5, 0.5, 0]])
    assert len(session.rows.x) == 61
    do(session, do="erase", x1=0.5, x2=0.5)
    assert len(session.rows.x) == 60
    by_hand = pel.svm.SVC("linear", C=1.0).fit(
        session.rows.inputs[session.rows.kept], session.rows.shown[session.rows.kept]
    )
    assert session.machine.pairs[0].w.tolist() == by_hand.coef[0].tolist()


@pytest.mark.lecture("T1.B1")
def test_a_hard_margin_that_cannot_be_is_refused_and_leaves_all_as_it_was():
    session = made(data="gauss", noise=0.5, rows=100, svm=Machine("linear", 1.0))
    before = session.machine
    with pytest.raises(PellucidError, match="no hyperplane separates"):
        do(session, do="set", values={"svm": {"kernel": "linear", "hard": True}})
    assert session.machine is before and not session.settings.svm.hard


def test_the_network_stays_while_the_machine_is_looked_at():
    session = made()
    do(session, do="step", epochs=2)
    weights = session.model.get_weights()
    do(session, do="set", values={"svm": {"kernel": "rbf"}})
    assert last(session, "screen")[0]["mode"] == "machine"
    do(session, do="set", values={"svm": None})
    assert session.epoch == 2 and session.machine is None
    assert all(map(np.array_equal, weights, session.model.get_weights()))
    assert last(session, "screen")[0]["mode"] == "network"


@pytest.mark.filterwarnings("ignore:.*sigmoid kernel is not positive")
@pytest.mark.parametrize("machine", [*MACHINES, Machine("sigmoid", 0.5, gamma=0.1)], ids=str)
def test_program_and_address_hold_the_machine(machine):
    session = made(data="gauss", rows=80, features=("x1", "x2"), svm=machine)
    text = session.program()
    assert parse(text).svm == machine and of_text(str(machine)) == machine
    assert from_address(address(session.settings)) == session.settings
    made_there = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(text, made_there)
    theirs, own = made_there["machine"], session.machine.fitted
    if machine.hard:
        assert theirs.weight.tolist() == own.weight.tolist()
    else:
        assert theirs.dual_coef.tolist() == own.dual_coef.tolist()
        assert "KKT" in said.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "machine = pel.svm.SVC('rbf').fit(x, y)",
        "machine = pel.svm.SVC(open('x')).fit(x[kept], y[kept])",
        "machine = pel.svm.SVC('rbf', C=-1).fit(x[kept], y[kept])",
        "machine = pel.svm.SVC('rbf', class_weight={}).fit(x[kept], y[kept])",
        "machine = pel.svm.SVC('precomputed').fit(x[kept], y[kept])",
        "machine = pel.svm.SVC('rbf', max_iter=10**9).fit(x[kept], y[kept])",
        "machine = pel.svm.load('x')",
        "machine = __import__('os').system('true')",
        "machine = 3",
        "machine = other = pel.svm.SVC('rbf').fit(x[kept], y[kept])",
    ],
)
def test_another_machine_is_refused_with_its_line(line):
    text = made(svm=Machine("rbf")).program()
    own = next(one for one in text.splitlines() if one.startswith("machine ="))
    number = 1 + text.splitlines().index(own)
    with pytest.raises(PellucidError, match=f"line {number}: "):
        parse(text.replace(own, line))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kernel": "laplacian"}, "unknown kernel"),
        ({"C": 0}, "C must"),
        ({"C": 1e300}, "C must"),
        ({"gamma": "wide"}, "gamma"),
        ({"degree": 40}, "degree"),
        ({"kernel": "rbf", "hard": True}, "linear kernel"),
        ({"kernel": "rbf", "file": "x"}, "a machine has"),
        ("rbf", "a machine has"),
    ],
)
def test_what_is_no_machine_is_refused(values, said):
    session = made()
    with pytest.raises(PellucidError, match=said):
        do(session, do="set", values={"svm": values})
    assert session.machine is None


def test_values_and_too_many_points_have_no_machine():
    session = made(svm=Machine("rbf"))
    before = session.machine
    with pytest.raises(PellucidError, match="must have classes"):
        do(session, do="set", values={"data": "plane"})
    with pytest.raises(PellucidError, match=f"at most {MOST_ROWS:,} points"):
        do(session, do="set", values={"rows": 4 * MOST_ROWS})
    assert session.machine is before and session.settings.data == "circle"


def test_a_kernel_that_is_not_positive_proves_nothing():
    session = made(svm=Machine("sigmoid", gamma=0.5))
    do(session, do="show")
    header, _ = last(session)
    assert header["gap"] is None and header["margin"] is None
    assert any("not positive" in one for one in header["notes"])


def test_a_saved_machine_is_the_machine(tmp_path):
    session = made(svm=Machine("rbf"))
    do(session, do="save")
    header, arrays = last(session, "file")
    (tmp_path / header["name"]).write_bytes(arrays["content"].tobytes()[: header["size"]])
    again = pel.svm.load(tmp_path / "machine.safetensors")
    assert again.dual_coef.tolist() == session.machine.fitted.dual_coef.tolist()
