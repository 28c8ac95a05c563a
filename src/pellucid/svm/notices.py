"""What a fit warns of."""

from __future__ import annotations

from pellucid.core import notices


class SolverWarning(UserWarning):
    """A fit that a person should look at."""


class ConvergenceWarning(SolverWarning):
    """A fit that ended before its tolerance was reached."""


def warn(where: str, text: str, category: type[SolverWarning] = SolverWarning) -> None:
    """Warns at the line of the person's own code, in the form of the errors."""
    notices.warn(f"[{where}] {text}.", category)


def not_converged(where: str, what: str, max_iter: int | None, tol: float, left: float) -> None:
    """Warns that `max_iter` ended a fit.

    Args:
        what: the measure that was to fall below `tol`; left: its value.
    """
    warn(
        where,
        f"max_iter={max_iter} steps were done before {what} fell below tol={tol:g}: it is "
        f"{left:.3g}. Allow more steps, scale the columns, or accept a larger tol",
        ConvergenceWarning,
    )


def rounded(where: str, tol: float, left: float) -> None:
    """Warns that rounding ended a fit; `left` is what it leaves of the gap."""
    warn(
        where,
        f"the gap cannot be brought below tol={tol:g}: rounding leaves {left:.3g}. Centre and "
        "scale the columns, or choose a smaller C or a larger tol",
        ConvergenceWarning,
    )
