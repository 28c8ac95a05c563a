"""A picture as PNG and the same in Chromium: the same to the eye."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from pellucid.viz.raster import png
from tests.web.browser import chromium

GALLERY = Path(__file__).parents[2] / "docs/gallery"


@pytest.mark.browser
def test_png_and_chromium_agree():
    """But for letters: of blocks of 16 pixels hardly any differ much."""
    with chromium() as browser:
        page = browser.new_page()
        for name in ("margin", "xor-network", "penalties", "nerve-cell"):
            text = (GALLERY / f"{name}.svg").read_text()
            own = image.imread(io.BytesIO(png(text, 1.0)))[..., :3]
            high, wide = own.shape[:2]
            page.set_viewport_size({"width": wide, "height": high})
            page.set_content(f"<body style='margin:0'>{text}")
            clip = {"x": 0, "y": 0, "width": wide, "height": high}
            seen = image.imread(io.BytesIO(page.screenshot(clip=clip)))[..., :3]
            apart = np.abs(seen - own).max(-1)[: high // 16 * 16, : wide // 16 * 16]
            blocks = apart.reshape(high // 16, 16, wide // 16, 16).mean((1, 3))
            assert apart.mean() < 0.02 and (blocks > 0.2).mean() < 0.02
