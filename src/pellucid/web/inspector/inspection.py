"""What the inspector's page shows, and what each of its commands does. It needs no browser.

In: commands that were checked. Out: messages of plain values. One thread owns an `Inspection`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np

from pellucid.core import forks
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.inspector import differences, facts, groups, landscape, picture
from pellucid.inspector.kernels import Kernels
from pellucid.inspector.ladder import LEVELS, MOVES, Walk
from pellucid.inspector.layers import layers
from pellucid.inspector.moment import Moment
from pellucid.inspector.responses import layers_with_units, responses
from pellucid.inspector.travel import Travel
from pellucid.viz.diagram import Diagram
from pellucid.viz.graphs import draw_diagram
from pellucid.viz.phases import BACKWARD
from pellucid.web.commands import Command, list_of, text_of, whole_of
from pellucid.web.inspector import views
from pellucid.web.inspector.views import number, plain_svg, tensor, within

Array = np.ndarray[Any, Any]
_MOST_LOSSES = 400  # points of the curve
_MOST_ROWS = 40  # numbers of rows that are listed


class Inspection:
    """See the module.

    Args:
        what: a run, or a function at its arguments.
        title: what it is called.
        send: takes a message to the pages.
    """

    playing = False  # of the worker: there is nothing to be done between commands

    def __init__(
        self,
        what: Travel | Moment,
        title: str,
        send: Callable[[dict[str, Any]], None] = lambda message: None,
    ):
        self.walk, self.title, self.send = Walk(what), title, send
        self.opened = picture.opened_at_first(self.walk.moment)
        self.shut = ""  # the cell in which the walk stands, where a person closed it
        self.folded: set[str] = set()
        self.views: set[str] = set()  # parts of the page that are open
        self.at: tuple[int, ...] = ()
        self.waiting: Callable[[], bool] = lambda: False
        self.ready: Callable[[], bool] = lambda: True
        self._drawn: object = None

    # -- commands ---------------------------------------------------------------------------

    def show(self) -> None:
        """All there is, for a page that has just come."""
        self._drawn = None
        self.send(self.screen())

    def move(self, way: str) -> None:
        """One step along a level, or between two."""
        if MOVES[way](self.walk):
            self.at = ()
        self.send(self.screen())

    def go(self, level: str, step: int, node: int) -> None:
        """Straight to a place."""
        before = self.walk.place
        self.walk.to(level, step, node)
        moment = self.walk.moment
        if moment.roles[node].phase == BACKWARD and node not in moment.places:
            of = {place: n for n, place in moment.places.items()}  # it is the gradient of another
            if node in of:
                self.walk.to(LEVELS[4], step, of[node])
        if self.walk.place.node != before.node:
            self.at = ()
        self.send(self.screen())

    def open(self, cell: str) -> None:
        """Opens a cell, or a line of the source; closes it where it is open."""
        if cell in picture.cells(self.walk.moment):
            before = set(self.opened)
            walked = cell == self._walked
            self.opened = before - {cell} if cell in before or walked else before | {cell}
            self.shut = cell if walked else self.shut
            try:
                self._boxes()
            except PellucidError:
                self.opened = before
                raise
        elif cell in picture.folds(self.walk.moment):
            self.folded ^= {cell}
        else:
            raise ArgumentError("inspect", f"nothing that opens is called {cell[:60]!r}")
        self.send(self.screen())

    def element(self, at: Sequence[int]) -> None:
        """Which element of the node formulas put numbers in for."""
        self.at = facts.element(self.walk.moment, self.walk.place.node, at)
        self.send(self.screen())

    def difference(self) -> None:
        """The gradient of the chosen element by differences."""
        walk = self.walk
        found = differences.difference(walk.moment, walk.place.node, self.at)
        name = walk.moment.names[walk.place.node]
        shown = dataclasses.asdict(found) | {"name": name, "node": walk.place.node}
        self.send({"kind": "difference", **shown})

    def units(self, layer: str, columns: Sequence[int]) -> None:
        """What the units of a layer respond to, with the weights of this step."""
        travel = self.walk.travel
        if travel is None:
            raise ArgumentError("inspect", "a function has no layers, got one")
        x, y = (*columns, 0, 1)[:2] if len(columns) == 2 else (0, 1)
        made = responses(travel, self.walk.place.step, layer, (x, y))
        self.send({"kind": "units", "layer": layer, "svg": plain_svg(made)})

    def view(self, part: str, opened: bool) -> None:
        """Opens or closes a part of the page that costs time while it is open."""
        self.views = self.views | {part} if opened else self.views - {part}
        self.send(self.screen())

    def landscape(self, which: str) -> None:
        """The loss of this step's batch along the gradient or over a plane.

        Another command stops it.
        """
        travel, number = self.walk.travel, self.walk.place.step
        if travel is None:
            raise ArgumentError("inspect", "a function has no loss of a batch, got one")
        shown = {"kind": "landscape", "which": which, "step": number}
        try:
            made, text = views.landscape(travel, number, which, self.waiting)
        except landscape.Stopped:
            self.send({**shown, "svg": None, "text": "Stopped."})
            return
        self.send({**shown, "svg": plain_svg(made), "text": text})

    def code(self, kernel: int, form: str) -> None:
        """A kernel as LLVM's text or as assembly."""
        kernels = self._kernels
        if kernel >= len(kernels.program.kernels):
            raise ArgumentError("inspect", f"no kernel has the number {kernel}")
        text = kernels.llvm(kernel) if form == "llvm" else kernels.assembly(kernel)
        self.send({"kind": "code", "kernel": kernel, "form": form, "text": text})

    def address(self, text: str) -> None:
        """Goes to the place of an address: `level=backward&step=3&node=12`."""
        try:
            given = dict(parse_qsl(text, strict_parsing=True)) if text else {}
            step, node = (int(given.get(name, 0)) for name in ("step", "node"))
            self.walk.to(given.get("level"), step, node if "node" in given else None)
        except (ValueError, PellucidError):
            pass  # an old address, of another model: the page begins where it stands
        self.show()

    # -- what is shown ----------------------------------------------------------------------

    def screen(self) -> dict[str, Any]:
        """The place, the picture where it changed, and what is known of the node."""
        walk, moment = self.walk, self.walk.moment
        node = walk.place.node
        if picture.cell_of(moment, node) != self.shut:
            self.shut = ""  # the walk has left it
        cell = self._walked
        wanted = (walk.place.step, frozenset(self.opened), cell, frozenset(self.folded))
        shown = {
            "kind": "screen",
            "address": urlencode(dataclasses.asdict(walk.place)),
            "title": self.title,
            "levels": list(walk.levels),
            **dataclasses.asdict(walk.place),
            "svg": None,
            "boxes": self._boxes_of(node),
            "facts": self.facts(),
            "nodes": self._listed(),
            "broken": self._broken(),
        }
        if wanted != self._drawn:
            shown["svg"] = plain_svg(draw_diagram(self._boxes(cell)))
            self._drawn = wanted
        if walk.travel is not None:
            shown |= self._run(walk.travel)
        if "maps" in self.views:
            shown["maps"] = views.maps_of(moment, node, facts.element(moment, node, self.at))
        if "code" in self.views:
            shown["code"] = views.code_of(moment, node, lambda: self._kernels)
        return shown

    @forks.cached_property
    def _kernels(self) -> Kernels:
        """The compiled form of what is looked at, made when it is first asked for."""
        travel = self.walk.travel
        return Kernels.of_run(travel) if travel is not None else Kernels(self.walk.moment.graph)

    @property
    def _walked(self) -> str:
        """The cell in which the walk stands, which is open until a person closes it."""
        place = self.walk.place
        cell = picture.cell_of(self.walk.moment, place.node) if place.level in LEVELS[3:] else ""
        return "" if cell == self.shut else cell

    def _boxes(self, cell: str = "") -> Diagram:
        """What is open, and the cell in which the walk stands; that one alone where it is much."""
        moment = self.walk.moment
        try:
            return picture.boxes(moment, self.opened | {cell}, self.folded)
        except ArgumentError:
            if not cell or cell in self.opened:
                raise
            self.opened = set()
            return picture.boxes(moment, {cell}, self.folded)

    def _boxes_of(self, node: int) -> list[str]:
        """The ids of what stands for the node: its own box, its line, or its cell; and its
        gradient's."""
        moment = self.walk.moment
        cells = picture.folds(moment)
        found = [f"n{node}", picture.cell_of(moment, node)]
        found += [fold for fold in self.folded if node in cells.get(fold, ())]
        place = moment.places.get(node)
        if place is not None and place < moment.own and moment.ends.layered:
            found += [f"n{place}"]
        return [one for one in found if one]

    def _listed(self) -> list[list[Any]]:
        """Every node with a name that a person may look for: position, name, phase and layer."""
        moment = self.walk.moment
        nodes = [*moment.graph.inputs, *moment.forward]
        return [[n, moment.names[n], moment.roles[n].layer] for n in nodes]

    def _broken(self) -> dict[str, Any] | None:
        """The first value that is not finite."""
        moment = self.walk.moment
        n = moment.first_not_finite()
        if n is None:
            return None
        line, _ = facts.source_line(moment, n)
        return {"node": n, "name": moment.names[n], "op": moment.graph.nodes[n].op, "line": line}

    def _run(self, travel: Travel) -> dict[str, Any]:
        moment, step = self.walk.moment, travel.step(self.walk.place.step)
        known = sorted(travel.losses.items())
        some = known[:: max(1, len(known) // _MOST_LOSSES)]
        return {
            "last": travel.last,
            "epoch": step.epoch,
            "epochs": travel.epochs,
            "batch": step.batch,
            "rate": step.rate,
            "rows": step.rows[:_MOST_ROWS].tolist(),
            "row_count": len(step.rows),
            "loss": float(moment.values[moment.ends.objective or 0]),
            "losses": [[number, loss] for number, loss in some],
            "kept": travel.kept,
            "failed": travel.failed,
            "layers": [dataclasses.asdict(one) for one in layers(moment)],
            "units": layers_with_units(travel),
        }

    def facts(self) -> dict[str, Any]:
        """What is known of the node that the walk stands at."""
        moment, n = self.walk.moment, self.walk.place.node
        node = moment.graph.nodes[n]
        at = facts.element(moment, n, self.at)
        line, text = facts.source_line(moment, n)
        role = moment.roles[n]
        shown: dict[str, Any] = {
            "node": n,
            "name": moment.names[n],
            "op": node.op,
            "type": repr(node.type),
            "phase": role.phase,
            "layer": role.layer,
            "line": line,
            "source": text,
            "at": list(at),
            "formula": facts.formula(moment, n, at),
            "value": tensor(moment.values[n], at),
            "why_none": facts.why_none(moment, n),
            "end": moment.end,
        }
        if n in moment.places:
            shown |= self._backward(moment, n, at)
        if n in moment.updates:
            shown["update"] = self._update(moment, n, at)
        fold = next((one for one in groups.by_line(moment) if n == one.end), None)
        if fold is not None and not moment.ends.layered:
            shown["line_group"] = self._group(moment, fold)
        return shown

    def _backward(self, moment: Moment, n: int, at: tuple[int, ...]) -> dict[str, Any]:
        gradient = moment.gradients[n]
        uses = [
            {
                "reader": use.reader,
                "name": moment.names[use.reader],
                "op": moment.graph.nodes[use.reader].op,
                "output": tensor(use.output, use.of or within(use.output, at)),
                "local": tensor(use.local, within(use.local, at)),
                "of": None if use.of is None else list(use.of),
                "product": tensor(use.product, at),
                "formula": facts.gradient_formula(moment, n, use.reader, at),
                "rule": facts.rule(moment, n, use.reader),
            }
            for use in facts.uses(moment, n, at)
        ]
        in_step = moment.places[n] < moment.own
        return {"gradient": tensor(gradient, at), "uses": uses, "in_step": in_step}

    def _update(self, moment: Moment, n: int, at: tuple[int, ...]) -> dict[str, Any]:
        """From a weight and its gradient to the new weight, operation by operation."""
        chain = moment.chain(n)
        lines = []
        for k in chain:
            value = moment.values[k]
            inside = at if value.shape == moment.values[n].shape else ()
            lines.append(
                {
                    "node": k,
                    "name": moment.names[k],
                    "op": moment.graph.nodes[k].op,
                    "formula": facts.formula(moment, k, inside),
                    "value": number(value[tuple(inside) or (0,) * value.ndim])
                    if value.size
                    else "",
                }
            )
        return {"lines": lines, "new": tensor(moment.values[moment.updates[n]], at)}

    def _group(self, moment: Moment, one: groups.Group) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": f"g{one.end}",
            "source": one.text,
            "count": len(one.nodes),
            "folded": f"g{one.end}" in self.folded,
            "inputs": [],
        }
        if one.end in moment.places:
            local, handed = groups.local_gradients(moment, one), groups.handed(moment, one)
            shown["inputs"] = [
                {
                    "name": moment.names[n],
                    "local": tensor(local[n], ()),
                    "product": tensor(handed[n], ()),
                }
                for n in local
            ]
        return shown


def _one_of(known: Iterable[str]) -> Callable[[str, Any], str]:
    """A check for one of these words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ArgumentError("page", f"{name} must be one of {', '.join(known)}")
        return str(value)

    return check


_MOST = 2**31
INSPECTION: Mapping[str, Command] = {
    "show": Command(lambda s, a: s.show(), {}),
    "address": Command(lambda s, a: s.address(a["text"]), {"text": text_of(16_000)}),
    "move": Command(lambda s, a: s.move(a["way"]), {"way": _one_of(MOVES)}),
    "go": Command(
        lambda s, a: s.go(a["level"], a["step"], a["node"]),
        {"level": text_of(20), "step": whole_of(0, _MOST), "node": whole_of(0, _MOST)},
    ),
    "open": Command(lambda s, a: s.open(a["cell"]), {"cell": text_of(400)}),
    "element": Command(lambda s, a: s.element(a["at"]), {"at": list_of(16, whole_of(0, _MOST))}),
    "difference": Command(lambda s, a: s.difference(), {}),
    "view": Command(
        lambda s, a: s.view(a["part"], bool(a["opened"])),
        {"part": _one_of(views.VIEWS), "opened": whole_of(0, 1)},
    ),
    "landscape": Command(
        lambda s, a: s.landscape(a["which"]), {"which": _one_of(views.LANDSCAPES)}
    ),
    "code": Command(
        lambda s, a: s.code(a["kernel"], a["form"]),
        {"kernel": whole_of(0, _MOST), "form": _one_of(views.FORMS)},
    ),
    "units": Command(
        lambda s, a: s.units(a["layer"], a["columns"]),
        {"layer": text_of(400), "columns": list_of(2, whole_of(0, _MOST))},
    ),
}
