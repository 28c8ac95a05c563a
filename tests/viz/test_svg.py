"""Pictures as files and text: what XML holds, colours that can be told apart, saving."""

import re
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.viz import Picture, beside, svg
from tests.viz.reading import texts, tree


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [1, 2], ids=["light", "dark"])
def test_text_has_a_contrast_of_four_and_a_half_and_graphics_of_three(mode):
    colours = {name: row[mode] for name, row in svg.COLOURS.items()}
    for ground in ("paper", "panel", "box"):
        for text in ("ink", "muted", "plus", "minus"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for shape in ("line", "axis", "plus-line", "minus-line", "ink-line"):
            assert contrast(colours[shape], colours[ground]) >= 3, (shape, ground)
        for area in ("plus-area", "minus-area"):
            assert contrast(colours[area], colours[ground]) >= 3, (area, ground)


def test_every_class_of_a_colour_is_in_the_style_for_light_and_for_dark():
    light, dark = svg.style().split("@media(prefers-color-scheme:dark)")
    for name, (_, on_light, on_dark) in svg.COLOURS.items():
        assert f".pel .{name}{{" in light and on_light in light
        assert f".pel .{name}{{" in dark and on_dark in dark


def test_names_of_a_persons_own_cannot_break_the_file():
    picture = Picture(svg.words(1, 2, "<b>&\"'\x00\ud800\uffff ∂"), 10, 10, "a < b & \x1b", "d\x00")
    root = tree(picture)
    assert texts(root) == ["<b>&\"'��� ∂"]
    assert root.get("aria-label") == "a < b & �"


def test_markup_in_names_and_titles_is_text():
    picture = pel.viz.plot({"a < b & c": np.tanh}, 0, 1, title="<script>alert(1)</script>")
    assert {"a < b & c", "<script>alert(1)</script>"} <= set(texts(picture))
    assert "<script" not in picture.svg


def test_an_existing_file_is_replaced_only_if_that_is_asked_for(tmp_path):
    picture, path = pel.draw(lambda x: x * x, 3.0), tmp_path / "f.svg"
    picture.save(path)
    assert path.read_text() == picture.svg == picture._repr_svg_()
    with pytest.raises(ArgumentError, match="exists already"):
        picture.save(path)
    pel.draw(lambda x: x + x, 3.0).save(path, overwrite=True)
    assert path.read_text() != picture.svg
    with pytest.raises(ArgumentError, match=r"must end in \.svg or \.png, got 'f\.gif'"):
        picture.save(tmp_path / "f.gif")
    assert [one.name for one in tmp_path.iterdir()] == ["f.svg"]


def test_a_part_of_a_picture_beside_another_keeps_its_size():
    one = pel.draw(lambda x: x * x, 3.0)
    both = beside([one, one, one], "three", columns=2)
    assert (both.width, both.height) == (2 * one.width, 2 * one.height)
    assert len(re.findall("translate", both.svg)) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0"), (-0.04, "0"), (10.0, "10"), (-2.25, "-2.2"), (100.96, "101")]
)
def test_a_coordinate(value, text):
    assert svg.number(value) == text


def test_pictures_need_neither_matplotlib_nor_sympy():
    code = (
        "import sys, pellucid as pel\n"
        "import pellucid.viz.mathml; pel.draw(lambda x: x * x, 3.0), pel.viz.neuron()\n"
        "print([n for n in ('matplotlib', 'sympy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
