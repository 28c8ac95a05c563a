"""What the optimizer of a model remembers, and whether a run may go on with it."""

from __future__ import annotations

import dataclasses
from typing import Any

from pellucid.core import notices
from pellucid.core.errors import ArgumentError
from pellucid.keras.networks import Network
from pellucid.keras.session import settle
from pellucid.nn.layer import Variables

# Single weights that are not trained: their layers, by id, and leaves.
Held = frozenset[tuple[int, str]]


class Remembering(Network):
    """A network that knows what its optimizer has trained."""

    optimizer: Any = None
    _of_file: frozenset[str]  # layers without penalties, whether they train or not

    def _counted(self) -> None:
        """Lets the optimizer know how many steps it has done here."""
        other = self.optimizer.counted_by
        if other is not None and other != self._steps_done:
            self._forgetting(bool(other()))
        self.optimizer.counted_by = self._steps_done
        self.optimizer.keeper = self

    def _forgetting(self, trained: bool = False) -> None:
        """Lets the optimizer forget the weights of another model, and says so.

        Args:
            trained: whether the other model remembers steps, and not the optimizer itself.
        """
        if trained or self.optimizer.holds_numbers:
            notices.once(
                "[keras.compile] this optimizer trained another model, and begins anew with this "
                "one: Keras would go on with what it remembers of the other's weights."
            )
        self.optimizer.forget()

    def _built_optimizer(self, where: str) -> None:
        """Makes the optimizer remember the weights of this model, for steps of a person's own.

        Raises:
            ArgumentError: where it remembers as many others of this model.
        """
        self._counted()
        trained, known = self.trainable_variables, self.optimizer.built_with()
        if not {id(one) for one in known} <= {id(one) for one in self.weights}:
            self._forgetting()
        elif len(known) == len(trained):
            changed = [two for one, two in zip(known, trained, strict=True) if one is not two]
            if changed:
                raise _other_weights(where, [one.path for one in changed])
        self.optimizer.build(trained)

    def _take_over(self, optimizer: Any) -> None:
        """Takes the optimizer of a file, and what the network of the file remembers of it."""
        frozen = {id(one) for one in self._frozen()}
        single = frozenset((id(one.inner), one.leaf) for one in self._single_frozen())
        self.optimizer = optimizer
        self._trained = optimizer, _trained(self._network, frozen, single)
        optimizer.counted_by = self._steps_done
        optimizer.keeper = self
        network: Any = self._network
        held = _names(network, frozen)
        self._of_file = network.configuration("compile").unpenalized - held

    def remembering_network(self) -> Any:
        """The Model of ours that has slots of the optimizer; None where none has."""
        settle()
        network = self.trained_network()
        return network if self._remembers(network) else None

    def _keep_to_file(self, where: str, network: Any) -> None:
        """Takes a model as its file says that it is trained, where `trainable` may have changed.

        As in Keras its optimizer trains the layers of the file: others are refused. Penalties are
        those of layers that are not frozen now.
        """
        frozen = {id(one) for one in self._frozen()}
        if where in ("fit", "train_on_batch"):
            held = frozenset((id(one.inner), one.leaf) for one in self._single_frozen())
            self._check_trained(where, network, frozen, held, True)
        known = network.configuration(where)
        unpenalized = self._of_file | _names(network, frozen)
        if unpenalized != known.unpenalized:
            slots, training, kept = network.slots, network.training, network.kept
            network.configure(dataclasses.replace(known, unpenalized=unpenalized))
            network.slots, network.training, network.kept = slots, training, kept

    def _steps_done(self) -> int:
        """How many steps the optimizer has done with this model."""
        network = self.remembering_network()
        return 0 if network is None else int(network.training.get("step", 0))

    def trained_network(self) -> Any:
        """The Model of ours that fit trains; None before there is one."""
        return self._network if self._objective is None else self._objective.network

    def _remembers(self, network: Any) -> bool:
        """Whether a network has slots of the optimizer."""
        same = self._trained is not None and self._trained[0] is self.optimizer
        return same and network is not None and network.slots is not None

    def _check_trained(
        self, where: str, network: Any, frozen: set[int], held: Held, remembers: bool
    ) -> None:
        """Refuses, as Keras does, to train other weights than the optimizer has slots of."""
        trained = _trained(network, frozen, held)
        if remembers and self._trained[1].keys() != trained.keys():
            known = self._trained[1]
            changed = [one for key, one in {**known, **trained}.items()
                       if (key in known) is not (key in trained)]  # fmt: skip
            raise _other_weights(where, changed)
        self._trained = (self.optimizer, trained)

    def _hand_over(self, network: Any) -> None:
        """Gives a network what the optimizer remembers itself, of a loop or a step of one's own."""
        if self.optimizer.keeper is not self:  # what it remembers is of the model that has it now
            self.optimizer.check_keeper(self)
            return
        known = self.optimizer.built_with()
        if not {id(one) for one in known} <= {id(one) for one in self.weights}:
            self._forgetting()
        if self.optimizer.hand_over(network):
            frozen = {id(one) for one in self._frozen()}
            held = frozenset((id(one.inner), one.leaf) for one in self._single_frozen())
            self._trained = (self.optimizer, _trained(network, frozen, held))


def _other_weights(where: str, changed: list[str]) -> ArgumentError:
    """What is said where other weights are to be trained than the optimizer has slots of."""
    return ArgumentError(
        f"keras.{where}",
        "the layers that are trained must be those that the optimizer has trained, got another "
        f"trainable of {', '.join(dict.fromkeys(changed))}",
        "Call compile with a new optimizer behind a change of trainable.",
    )


def _names(network: Any, frozen: set[int]) -> frozenset[str]:
    """The names of the layers that are frozen."""
    layers = network.architecture.unique().items()
    return frozenset(name for name, one in layers if id(one) in frozen)


def _trained(network: Any, frozen: set[int], held: Held) -> dict[tuple[Variables, str], str]:
    """{its layer's variables and leaf: the layer's name} of the weights that are trained.

    By no ids, since this is kept: a copy of the model has other layers.
    """
    layers = network.architecture.unique().items()
    return {
        (one.variables, leaf): name
        for name, one in layers if id(one) not in frozen
        for leaf in one.variables.params or () if (id(one), leaf) not in held
    }  # fmt: skip
