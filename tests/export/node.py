"""WebAssembly modules run in node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.export.web_module import Part, web_module

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
CALLS = """
const fs = require("fs");
const [code, told, out] = process.argv.slice(1);
const { calls, arrays } = JSON.parse(fs.readFileSync(told));
WebAssembly.instantiate(fs.readFileSync(code), {}).then(({ instance }) => {
  for (const [name, slots, rows] of calls) instance.exports[name](slots, BigInt(rows), 1n, 0n, 1n);
  const memory = instance.exports.memory.buffer;
  fs.writeFileSync(out, Buffer.concat(arrays.map(([at, size]) => Buffer.from(memory, at, size))));
});
"""


def node(script: str, *arguments: Any) -> str:
    """What a script printed."""
    done = subprocess.run(
        ["node", "-e", script, "--", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def called(
    folder: Path, parts: Sequence[Part], arrays: Mapping[str, Any], wanted: Sequence[str]
) -> list[np.ndarray]:
    """The arrays `wanted` after a call of each part."""
    module = web_module(parts, arrays)
    (folder / "code.wasm").write_bytes(module.code)
    told = {
        "calls": [(part.name, module.slots[part.name], part.rows) for part in parts],
        "arrays": [(module.arrays[name], arrays[name].nbytes) for name in wanted],
    }
    (folder / "told.json").write_text(json.dumps(told))
    node(CALLS, folder / "code.wasm", folder / "told.json", folder / "out")
    data, found = (folder / "out").read_bytes(), []
    for name in wanted:
        size = arrays[name].nbytes
        found.append(np.frombuffer(data[:size], arrays[name].dtype).reshape(arrays[name].shape))
        data = data[size:]
    return found
