"""The inspector's session without a browser, and its server against what strangers send."""

import http.client
import json
import random
import re
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("websockets")

import pellucid as pel
from pellucid.cli import main
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.web import guard
from pellucid.web.commands import read
from pellucid.web.frames import to_json
from pellucid.web.inspector.inspecting import inspect, looked_at, rows_of_file, site
from pellucid.web.inspector.inspection import INSPECTION
from pellucid.web.server import files
from tests.inspector.test_moment import b, logistic
from tests.inspector.test_travel import X, Y, network

RUN = {"batch_size": 4, "epochs": 5, "seed": 3, "backend": "interpreter"}


class Page:
    """What a page would have seen."""

    def __init__(self, target, *args, **run):
        self.messages = []
        self.session = looked_at(target, args, run)
        self.session.send = lambda message: self.messages.append(json.loads(to_json(message)))

    def do(self, name, **arguments):
        """A command as it comes over the socket; what is sent back."""
        name, given = read(json.dumps({"do": name, **arguments}), INSPECTION)
        INSPECTION[name].run(self.session, given)
        return self.messages[-1]

    def node(self, name):
        return self.session.walk.moment.find(name)


@pytest.mark.lecture("T1.G11")
def test_the_worked_graph_on_the_page():
    page = Page(b, 3.0, -5.0, 2.0)
    screen = page.do("show")
    ElementTree.fromstring(screen["svg"])
    assert screen["levels"] == ["forward", "backward"] and screen["title"] == "b"
    seen = {}
    while True:
        facts = page.messages[-1]["facts"]
        seen[facts["name"]] = float(facts["value"]["element"]), float(facts["gradient"]["element"])
        before = page.messages[-1]["address"]
        if page.do("move", way="right")["address"] == before:
            break
    assert seen == {"x": (3, -5), "y": (-5, 3), "z": (2, 1), "a": (-15, 1), "b": (-13, 1)}
    assert page.messages[-1]["facts"]["uses"][0]["rule"]
    found = page.do("difference")
    assert found["name"] == "x" and found["value"] == pytest.approx(-5, rel=1e-9)


@pytest.mark.lecture("T1.G12")
def test_a_line_is_folded_and_unfolded():
    page = Page(logistic, 0.5, -1.0, 2.0)
    shown = page.do("go", level="forward", step=0, node=page.node("p"))
    one = shown["facts"]["line_group"]
    p = float(shown["facts"]["value"]["element"])
    assert one["source"] == "p = 1 / (1 + np.exp(-a))" and not one["folded"]
    (given,) = one["inputs"]
    assert float(given["local"]["element"]) == pytest.approx(p * (1 - p), rel=1e-12)
    boxes = shown["svg"] or page.do("show")["svg"]
    folded = page.do("open", cell=one["id"])
    assert folded["facts"]["line_group"]["folded"]
    assert folded["svg"].count('class="node') == boxes.count('class="node') - 3
    assert one["id"] in folded["boxes"]
    assert page.do("open", cell=one["id"])["svg"].count('class="node') == boxes.count('class="node')


def test_a_run_on_the_page():
    page = Page(network(), X, Y, **RUN)
    screen = page.do("show")
    assert (screen["level"], screen["step"], screen["last"]) == ("batch", 0, 29)
    assert {one["layer"] for one in screen["layers"]} == {"hidden", "batch_norm_1", "out"}
    assert 'id="backward-hidden"' in screen["svg"]
    # Any gradient in two clicks: a cell opens, and a node in it is chosen.
    assert page.do("open", cell="inputs-hidden")["svg"]
    node = page.node("hidden.W")
    facts = page.do("go", level="backward", step=17, node=node)["facts"]
    travel = page.session.walk.travel
    wanted = travel.moment(17).gradients[node]
    assert facts["gradient"]["shape"] == list(wanted.shape)
    cells = np.array(facts["gradient"]["window"]["cells"]).astype(wanted.dtype)
    np.testing.assert_array_equal(cells, wanted)  # all digits
    assert facts["update"]["lines"][-1]["name"] and facts["uses"]
    chosen = page.do("element", at=[1, 2])
    assert chosen["svg"] is None  # the picture is sent where it has changed
    assert float(chosen["facts"]["gradient"]["element"]) == pytest.approx(float(wanted[1, 2]))
    assert page.do("difference")["at"] == [1, 2]
    assert page.do("units", layer="hidden", columns=[])["svg"].count("<image") == 5
    # A box of the way back stands for the gradient that it is.
    moment = page.session.walk.moment
    way_back = next(p for n, p in moment.places.items() if n == moment.find("out.W"))
    if way_back < moment.own:
        shown = page.do("go", level="forward", step=17, node=way_back)
        assert shown["facts"]["name"] == "out.W" and shown["level"] == "backward"
    # A walk opens the cell in which it stands, and that one alone beside what was opened.
    assert page.session.opened == {"inputs-hidden"} and 'id="forward-out"' in page.do("show")["svg"]
    # It stays closed where a person closes it, until the walk has left it.
    cell = page.session._walked
    stands = f'id="{cell}" class="cell"'
    assert stands in page.do("show")["svg"]
    assert stands not in page.do("open", cell=cell)["svg"]
    assert stands in page.do("open", cell=cell)["svg"]
    page.do("open", cell=cell)
    # The address leads back to the place.
    again = Page(network(), X, Y, **RUN)
    place = again.do("address", text=page.messages[-1]["address"])
    assert place["facts"]["name"] == page.messages[-1]["facts"]["name"]
    assert again.do("address", text="step=99&nonsense")["step"] == 17


def test_the_loss_around_a_step_and_what_stops_it():
    page = Page(network(), X, Y, **RUN)
    page.do("go", level="batch", step=6, node=0)
    for which in ("gradient", "path"):
        shown = page.do("landscape", which=which)
        assert shown["step"] == 6 and ElementTree.fromstring(shown["svg"]) is not None
        assert "loss" in shown["text"]
    assert "the length of the path lies in this plane" in shown["text"]
    page.session.waiting = lambda: True
    assert page.do("landscape", which="path")["svg"] is None
    assert page.messages[-1]["text"] == "Stopped."


def test_parts_of_the_page_are_sent_while_they_are_open():
    page = Page(network(), X, Y, **RUN)
    node = page.node("hidden.W")
    page.do("go", level="backward", step=2, node=node)
    shown = page.do("view", part="code", opened=1)
    assert "maps" not in shown and shown["code"]["numpy"] == ""
    product = page.session.walk.moment.forward[0]
    shown = page.do("go", level="forward", step=2, node=product)["code"]
    assert shown["numpy"].endswith("= x @ hidden.W") and shown["why"] == ""
    (kernel,) = shown["kernels"]
    assert [product, page.session.walk.moment.names[product]] in kernel["nodes"]
    for form, sign in (("llvm", "define internal void"), ("assembly", ".type")):
        text = page.do("code", kernel=kernel["number"], form=form)["text"]
        assert sign in text and kernel["name"] in text
    page.do("element", at=[1, 2])
    shown = page.do("view", part="maps", opened=1)["maps"]
    assert shown["svg"] is None and shown["lines"] == ["x: 2 of 8 numbers, at [1; 0 to 1]"]
    assert page.do("go", level="backward", step=2, node=node)["maps"]["lines"] == [
        "It belongs to no row of the batch."
    ]
    shown = page.do("view", part="code", opened=0)
    assert "code" not in shown and "maps" in shown


def test_the_pictures_hold_nothing_that_the_policy_forbids():
    page = Page(network(), X, Y)
    for message in (
        page.do("show"),
        page.do("units", layer="hidden", columns=[0, 1]),
        page.do("landscape", which="gradient"),
    ):
        assert not re.search(r"<style|\sstyle=|<script|\son\w+=", message["svg"])
    served = site().files
    assert {"/", "/inspector.js", "/state.js", "/pictures.css"} <= set(served)
    assert set(served) - set(files()) == {
        *("/inspector.js", "/inspector.css", "/facts.js", "/parts.js", "/views.js", "/pictures.css")
    }
    page = served["/"][1].decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?:", page)


def test_the_first_value_that_is_not_finite_is_named():
    model = pel.Sequential([pel.nn.Dense(3), pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(1e6), "squared")
    page = Page(model, X, Y.astype(float), **RUN | {"epochs": 9})
    with pytest.raises(PellucidError, match="whose loss is not finite"):
        page.do("go", level="batch", step=50, node=0)
    last = page.session.walk.travel.last
    assert page.do("show")["failed"] == last
    assert page.do("go", level="batch", step=last, node=0)["broken"]["name"]


def test_commands_are_checked():
    page = Page(b, 3.0, -5.0, 2.0)
    for message, why in (
        ({"do": "train"}, "unknown command"),
        ({"do": "move", "way": "sideways"}, "way must be one of"),
        ({"do": "move"}, "move takes way"),
        ({"do": "go", "level": "forward", "step": 0, "node": -1}, "node must be a whole number"),
        ({"do": "go", "level": "forward", "step": 0, "node": 99}, "no node has the position"),
        ({"do": "go", "level": "batch", "step": 0, "node": 0}, "level must be one of"),
        ({"do": "go", "level": "forward", "step": 3, "node": 0}, "a function has one step"),
        ({"do": "element", "at": [3]}, "must be a place in"),
        ({"do": "open", "cell": "../x"}, "nothing that opens"),
        ({"do": "units", "layer": "h", "columns": []}, "a function has no layers"),
        ({"do": "landscape", "which": "gradient"}, "a function has no loss of a batch"),
        ({"do": "landscape", "which": "space"}, "which must be one of gradient, path, step"),
        ({"do": "view", "part": "../code", "opened": 1}, "part must be one of maps, code"),
        ({"do": "code", "kernel": 99, "form": "llvm"}, "no kernel has the number 99"),
        ({"do": "code", "kernel": 0, "form": "elf"}, "form must be one of llvm, assembly"),
    ):
        with pytest.raises(PellucidError, match=why):
            page.do(message.pop("do"), **message)


def test_arguments_of_inspect(tmp_path):
    with pytest.raises(ArgumentError, match="epochs is of a training run"):
        inspect(b, 1.0, 2.0, 3.0, epochs=2)
    with pytest.raises(ArgumentError, match="browser must be True or False"):
        inspect(b, 1.0, 2.0, 3.0, browser=1)
    with pytest.raises(PellucidError, match="compile"):
        inspect(pel.Sequential([pel.nn.Dense(1)]), X, Y)
    table = tmp_path / "rows.csv"
    with pytest.raises(DataError, match="the table cannot be read"):
        rows_of_file(table)
    table.write_text("a,b,label\n1,2,no\n3,4,yes\n5,6,no\n7,8,yes\n")
    found = rows_of_file(table)
    assert found.x.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert found.y.tolist() == [0, 1, 0, 1]
    with inspect(b, 3.0, -5.0, 2.0, browser=False, wait=False) as page:
        assert page.address.startswith("http://127.0.0.1:")


def test_the_command_opens_a_model_file_on_its_data(tmp_path, monkeypatch, capsys):
    model = network()
    model.build((2,))
    model.save(tmp_path / "net.safetensors")
    rows = "".join(f"{a},{b},{label}\n" for (a, b), label in zip(X, Y, strict=True))
    (tmp_path / "rows.csv").write_text(f"a,b,y\n{rows}")
    seen = {}
    look = lambda model, x, y, **rest: seen.update(rest, x=x, y=y)  # noqa: E731
    monkeypatch.setattr("pellucid.web.inspector.inspecting.inspect", look)
    main.inspect(tmp_path / "net.safetensors", str(tmp_path / "rows.csv"), 3, 8, 1, browser=False)
    assert seen["x"].shape == X.shape and seen["y"].tolist() == Y.tolist()
    options = {name: seen[name] for name in ("epochs", "batch_size", "seed", "browser")}
    assert options == {"epochs": 3, "batch_size": 8, "seed": 1, "browser": False}
    with pytest.raises(PellucidError, match="the table cannot be read"):
        main.inspect(tmp_path / "net.safetensors", str(tmp_path / "none.csv"))


def test_the_server_holds_the_checks_of_every_page():
    with inspect(b, 3.0, -5.0, 2.0, browser=False, wait=False) as page:
        authority = page.address.split("/")[2]

        def asked(path, host=authority, **headers):
            one = http.client.HTTPConnection(authority, timeout=10)
            one.request("GET", path, headers={"Host": host, **headers})
            answer = one.getresponse()
            one.close()
            return answer

        found = asked("/inspector.js")
        assert found.status == 200
        assert all(found.headers[name] == value for name, value in guard.HEADERS.items())
        assert asked("/main.js").status == 404  # of another page
        assert asked("/../inspecting.py").status == 404
        assert asked("/", host="evil.example").status == 421
        assert asked("/", Origin="http://evil.example").status == 403


def test_messages_of_strangers_are_refused_or_done():
    page = Page(network(), X, Y, **RUN)
    draw = random.Random(0)
    values = [0, 1, -1, 2**31, 2**70, 1.5, None, True, [], [0], [3, 9], "x", "update", {"a": 1}]
    refused = 0
    for _ in range(200):
        name = draw.choice(list(INSPECTION))
        arguments = {key: draw.choice(values) for key in INSPECTION[name].arguments}
        try:
            page.do(name, **arguments)
        except PellucidError:
            refused += 1
        page.messages.clear()
        page.messages.append(None)
    assert 100 < refused < 200
    assert page.do("show")["kind"] == "screen"
