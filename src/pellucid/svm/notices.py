"""What a fit warns of."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.core import notices


class SolverWarning(UserWarning):
    """A fit that a person should look at."""


class ConvergenceWarning(SolverWarning):
    """A fit that ended before its tolerance was reached."""


def warn(where: str, text: str, category: type[SolverWarning] = SolverWarning) -> None:
    """Warns at the line of the person's own code, in the form of the errors."""
    notices.warn(f"[{where}] {text}.", category)


def reached(
    where: str,
    what: str,
    tol: float,
    max_iter: int | None,
    endings: Sequence[tuple[int, float]],
) -> bool:
    """Whether all problems of a fit came as near as asked; warns of those that did not, and why.

    Args:
        what: the measure that was to fall to `tol`.
        endings: of each problem the steps that were taken, and what is left of the measure.
    """
    late = [(steps, left) for steps, left in endings if not left <= tol]
    bound = [left for steps, left in late if max_iter is not None and steps >= max_iter]
    ended = [left for steps, left in late if max_iter is None or steps < max_iter]
    if bound:
        warn(
            where,
            f"max_iter={max_iter} steps were done before {what} fell below tol={tol:g}: it is "
            f"{max(bound):.3g}. Allow more steps, scale the columns, or accept a larger tol",
            ConvergenceWarning,
        )
    if ended:
        warn(
            where,
            f"{what} cannot be brought below tol={tol:g}: rounding leaves {max(ended):.3g}. Centre "
            "and scale the columns, or choose a smaller C or a larger tol",
            ConvergenceWarning,
        )
    return not late
