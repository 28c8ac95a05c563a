"""Each test of this folder begins without machine code of earlier ones."""

import pytest

from pellucid.runtime import native


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_loaded", {})
