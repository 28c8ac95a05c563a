"""docs/gallery/: pictures of the lectures' examples, and the programs that draw them.

`make gallery` writes an SVG file for each function of `gallery_examples` and `gallery_figures`,
and a page with the pictures and the functions' own code. Tests read the numbers out of the
pictures.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import gallery_examples, gallery_figures  # noqa: E402

from pellucid.viz import Picture  # noqa: E402

FOLDER = ROOT / "docs" / "gallery"

HEAD = """# Gallery

Written by `make gallery`: pictures of small examples, each with the program that draws it. Every
number in them is computed by the library. A program starts with

```python
import numpy as np
import pellucid as pel
```

In a graph a box is a node: its name, its formula, its value in blue behind `=`, and in vermillion
the gradient of the result with respect to it. The pictures follow the light or dark setting of the
browser. With `pel.inspect` in the place of `pel.draw` a worked example opens in
[the inspector](../inspector.md), to walk through it node by node.
"""

SECTIONS = (("Worked examples", gallery_examples), ("Diagrams and figures", gallery_figures))


def entries(module: object) -> list[Callable[[], Picture]]:
    """The functions of a module that draw a picture, in the order in which they stand there."""
    found = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and not name.startswith("_")
        and function.__module__ == getattr(module, "__name__", "")
    ]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def file_name(function: Callable[[], Picture]) -> str:
    return f"{function.__name__.replace('_', '-')}.svg"


def program(function: Callable[[], Picture]) -> str:
    """The body of a function without its docstring; what it returns is the last line."""
    lines = inspect.getsource(function).splitlines()
    body = textwrap.dedent("\n".join(lines[1:]))
    rest = body.split('"""', 2)[2] if body.startswith('"""') else body
    plain = rest.strip("\n").replace("\nreturn ", "\n").removeprefix("return ")
    return spaced(plain.splitlines())


def spaced(lines: list[str]) -> str:
    """Two empty lines around each function, as programs have them outside of functions."""
    result: list[str] = []
    inside = False
    for line in lines:
        outer = line and not line.startswith(" ")
        if outer and (inside or line.startswith("def ")) and result:
            while not result[-1]:
                result.pop()
            result += ["", ""]
        inside = inside if not outer else line.startswith("def ")
        result.append(line)
    return "\n".join(result)


def page() -> str:
    parts = [HEAD]
    for title, module in SECTIONS:
        parts.append(f"## {title}\n")
        for function in entries(module):
            heading, _, text = inspect.getdoc(function).partition("\n")  # type: ignore[union-attr]
            parts.append(f"### {heading.rstrip('.')}\n")
            if text.strip():
                parts.append(f"{text.strip()}\n")
            parts.append(f"![{heading.rstrip('.')}]({file_name(function)})\n")
            parts.append(f"```python\n{program(function)}\n```\n")
    return "\n".join(parts)


def write(folder: Path = FOLDER) -> list[Path]:
    """Writes all files, and removes pictures whose function is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for _, module in SECTIONS:
        for function in entries(module):
            target = folder / file_name(function)
            function().save(target, overwrite=True)
            written.append(target)
    for old in folder.glob("*.svg"):
        if old not in written:
            old.unlink()
    (folder / "README.md").write_text(page(), encoding="utf-8")
    return written


if __name__ == "__main__":
    for path in write():
        print(path.relative_to(ROOT))
