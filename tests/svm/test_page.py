"""The page on support vector machines: its code runs and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "support-vector-machines.md"


def test_the_page_runs_and_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # it saves a file
    text = PAGE.read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.S)
    (said,) = re.findall(r"```\n(\d.*?)```", text, re.S)
    names: dict[str, Any] = {}
    printed = []
    for part in code:
        exec(compile(part, str(PAGE), "exec"), names)
        printed.append(capsys.readouterr().out)
    # The last digits hang on the processor; what a reader takes from them does not.
    numbers = r"\d\.\de[-+]\d+|\d+\.\d+e?[-+]?\d*"
    assert re.sub(numbers, "…", printed[0]) == re.sub(numbers, "…", said)
    assert printed[0].splitlines()[:4] == said.splitlines()[:4]
    assert names["machine"].certificate.residual <= 1e-3
    shares = re.findall(r"([0-9.]+)% right", "".join(printed))
    assert len(shares) == 4 and min(map(float, shares)) >= 90
    assert printed[-1] == "True\n"
