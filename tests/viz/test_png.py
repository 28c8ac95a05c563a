"""Pictures as PNG: shapes stand where the SVG has them, in its colours; all of the gallery."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.viz import svg
from pellucid.viz.raster import png
from pellucid.viz.svg import Picture

GALLERY = sorted((Path(__file__).parents[2] / "docs/gallery").glob("*.svg"))


def pixels(picture, scale=1.0):
    return image.imread(io.BytesIO(png(picture.svg, scale)))[..., :3]


def colour(name):
    return np.array([int(svg.COLOURS[name][1][k : k + 2], 16) for k in (1, 3, 5)]) / 255


def test_shapes_stand_at_their_places_in_their_colours():
    parts = [
        svg.rect(10, 20, 30, 16, "plus-area"),
        svg.circle(70, 30, 8, "minus-area"),
        svg.line(10, 60, 90, 60, "ink-line", stroke_width=4),
        svg.group(
            svg.path([(0, 0), (20, 0), (0, 20)], "plus", closed=True), transform="translate(60 70)"
        ),
        svg.group(svg.rect(0, 0, 100, 100, "minus"), clip_path="url(#c)"),
        svg.element("clipPath", svg.rect(10, 80, 10, 10, "box"), id="c"),
        svg.words(10, 115, "■ text", "ink"),
    ]
    for scale in (1.0, 3.0):
        got = pixels(Picture("".join(parts), 100, 120, "t"), scale)
        assert got.shape == (120 * scale, 100 * scale, 3)

        def at(x, y, got=got, scale=scale):
            return got[int(y * scale), int(x * scale)]

        for (x, y), name in {
            **{(12, 22): "plus-area", (38, 34): "plus-area", (70, 30): "minus-area"},
            **{(50, 60): "ink-line", (64, 74): "plus", (15, 85): "minus", (5, 5): "paper"},
            **{(41, 28): "paper", (60, 22): "paper", (78, 88): "paper", (25, 85): "paper"},
        }.items():
            np.testing.assert_allclose(at(x, y), colour(name), atol=0.01)
        words = got[int(103 * scale) : int(119 * scale), int(9 * scale) : int(60 * scale)]
        assert (np.abs(words - colour("ink")).max(-1) < 0.1).mean() > 0.05


def test_a_picture_is_saved_as_png(tmp_path):
    picture = pel.draw(lambda x, y: x * y, 3.0, -5.0)
    for scale, name in ((None, "a.png"), (1, "b.PNG")):
        picture.save(tmp_path / name, **({} if scale is None else {"scale": scale}))
        got = image.imread(tmp_path / name)
        wide = round(picture.width * (scale or 2))
        assert abs(got.shape[1] - wide) <= 1
    with pytest.raises(ArgumentError, match="overwrite"):
        picture.save(tmp_path / "a.png")
    for path, scale, why in (
        ("c.svg", 2, "scale is of PNG files"),
        ("c.png", 0, "scale must lie in"),
        ("c.jpg", None, r"must end in \.svg or \.png"),
    ):
        with pytest.raises(ArgumentError, match=why):
            picture.save(tmp_path / path, scale=scale)
    with pytest.raises(ArgumentError, match="at most 20,000 pixels a side"):
        Picture("", 5000, 20, "wide").save(tmp_path / "c.png", scale=8)
    assert not (tmp_path / "c.png").exists()


@pytest.mark.one_in(16)
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_every_picture_of_the_gallery_is_drawn(path):
    text = path.read_text()
    got = image.imread(io.BytesIO(png(text, 0.5)))
    width = float(re.search(r'width="([\d.]+)"', text)[1])
    assert abs(got.shape[1] - width / 2) <= 1
    assert len(np.unique(got.reshape(-1, 4), axis=0)) > 20
