"""What is said where scikit-learn is missing or too old."""

from __future__ import annotations

from pellucid.core.errors import MissingPackageError


def missing(error: ImportError) -> MissingPackageError:
    """What to install."""
    return MissingPackageError(
        "pellucid.sklearn",
        f"scikit-learn 1.6 or later must be installed, whose interface this is; got: {error}",
        "pip install 'pellucid[sklearn]'.",
    )
