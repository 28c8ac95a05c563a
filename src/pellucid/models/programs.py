"""The tasks, graphs and programs of a model as it stands: made at first use, forgotten as one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from pellucid.graph.node import Graph, TensorType
from pellucid.models.own_code import OwnCode
from pellucid.runtime.backend import Asked, executor
from pellucid.runtime.executor import Executable
from pellucid.train.task import Task
from pellucid.transform.custom import in_rows

# The types of y, and those of weights.
Targets = tuple[tuple[TensorType, ...], tuple[TensorType, ...]]


@dataclass
class Programs:
    """What a model has made so far.

    Attributes:
        tasks: by the targets they are trained on.
        graphs: of training steps, by the same; those in chunks by their rows as well.
        slots: of the optimizer's slots before the first step, by the same.
        trainers: machine code of training steps, as `graphs`, then as `train/engines` keeps it.
        own: the functions of a person's own that the graphs were traced from.
    """

    tasks: dict[Targets, Task] = field(default_factory=dict)
    graphs: dict[Hashable, Graph] = field(default_factory=dict)
    slots: dict[Targets, Graph] = field(default_factory=dict)
    trainers: dict[Hashable, dict[Any, Any]] = field(default_factory=dict)
    own: OwnCode | None = None
    _programs: dict[Hashable, Executable] = field(default_factory=dict)

    def traced(self, make: Callable[[], Graph]) -> Graph:
        """The graph that `make` traces; older ones go where they would be others by now."""
        if self.own is None:
            return make()
        if self.own.changed():
            self.clear()
        return self.own.traced(make)

    def program(
        self, key: Hashable, graph: Callable[[], Graph], backend: Asked, where: str
    ) -> Executable:
        """The program of the graph that `key` stands for."""
        whole = key, backend
        found = self._programs.get(whole)
        if found is None:
            found = executor(self.traced(graph), backend=backend, where=where, prepare=in_rows)
            self._programs[whole] = found
        return found

    def apart(self, own: OwnCode | None = None) -> Programs:
        """The same graphs and programs for another model, beside tasks and code of its own.

        Tasks are not shared: they hold strengths of penalties.
        """
        return replace(self, tasks={}, own=own)

    def clear(self) -> None:
        """Forgets all but whose code it is."""
        for table in (self.tasks, self.graphs, self.slots, self.trainers, self._programs):
            table.clear()
