"""`pel.play`: a session, the thread that owns it and the server, put together."""

from __future__ import annotations

from typing import Any

from pellucid.core.arguments import checked, flag, real
from pellucid.core.errors import ArgumentError
from pellucid.models import Model, Sequential
from pellucid.web.ends import of_model
from pellucid.web.files import content_of
from pellucid.web.program import from_address
from pellucid.web.serving import Serving
from pellucid.web.session import Session
from pellucid.web.sources import from_arrays


class Playing(Serving):
    """The playground's page.

    Attributes:
        address: what a browser opens; whoever has it controls the page.
    """

    session: Session

    @property
    def model(self) -> Sequential:
        """What stands on the page."""
        return self.session.model

    def close(self) -> None:
        self.session.desk.cancel()
        super().close()


@checked
def play(
    model: Model | None = None,
    x: Any = None,
    y: Any = None,
    *,
    held: float = 0.2,
    link: str | None = None,
    browser: bool = True,
    wait: bool = True,
) -> Playing:
    """Opens the playground in the browser, on data and a network of one's own or its own.

    The page is served to this machine alone. Without a model it begins with the playground's points
    and network. With one, the page trains this very model, until someone there begins anew or
    changes the network: what stands on the page is then another one, `play(…).model`.

    Args:
        model: a compiled Sequential of Dense, Dropout, BatchNorm, LayerNorm and Activation.
        x: (N, D) numbers, D ≥ 2; the map shows the first two columns.
        y: (N,) classes or values, as the model's loss takes them.
        held: the share of rows that are held out to measure.
        link: a link that the page made: what stands on the screen first.
        browser: whether to open a browser; the address is printed in any case.
        wait: whether to return only when the page is closed.

    Returns:
        The page: its `address`, its `model`, and `close()`.

    Raises:
        MissingPackageError: without the package websockets.
        ArgumentError: for a model that the page cannot show.
        DataError: for data that it cannot use, or a link that cannot be read.
    """
    flag("play", "browser", browser)
    flag("play", "wait", wait)
    real("play", "held", held, 0.05, 0.95)
    made = Playing(lambda: _session(model, x, y, held, link))
    made.open("The playground", browser, wait)
    return made


def _session(model: Model | None, x: Any, y: Any, held: float, link: str | None) -> Session:
    if model is None:
        if x is not None or y is not None:
            raise ArgumentError("play", "x and y need a model, got None", "Give a Sequential.")
        return Session(from_address(link) if link is not None else None)
    if link is not None:
        raise ArgumentError("play", "give a model or a link, got both")
    if x is None or y is None:
        raise ArgumentError("play", "a model needs x and y, got None", "Write play(model, x, y).")
    if not isinstance(model, Model) or not model.compiled:
        of_model(model, None, held)  # says what is wrong
    own = from_arrays(x, y, model.loss)
    settings = of_model(model, own, held)
    assert isinstance(model, Sequential)
    return Session(settings, own, model, file=content_of(model) if settings.loaded else None)
