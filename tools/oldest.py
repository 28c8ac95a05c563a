"""Prints pins: each dependency at the oldest version pyproject.toml allows, the rest as they are.

`make oldest` installs them and runs the tests, so a lower bound is a version that was tried.
"""

import re
import sys
import tomllib
from pathlib import Path


def main(project: Path) -> None:
    """Print the pins of the project in the folder `project`, one a line."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"]
    bounds = dict(
        re.fullmatch(r"([A-Za-z0-9_-]+)>=([0-9.]+)", line).groups()  # type: ignore[union-attr]
        for line in declared["dependencies"]
        + extras["plot"]
        + extras["explain"]
        + extras["sklearn"]
    )
    pins = (project / "constraints.txt").read_text().splitlines()
    names = [line.partition("==")[0].strip() for line in pins]
    if missing := bounds.keys() - names:
        sys.exit(
            f"constraints.txt must pin {', '.join(sorted(missing))}, which pyproject.toml names"
        )
    for name, line in zip(names, pins, strict=True):
        print(f"{name}=={bounds[name]}" if name in bounds else line)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
