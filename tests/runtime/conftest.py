"""Each test of this folder begins without machine code of earlier ones."""

import pytest

from pellucid.runtime import machine_code


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_code, "_loaded", {})
