import base64
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from views_reports import ONE_WRONG

from gradcheck.sampled import picture_of
from gradcheck.views.colours import CENTRE, LEVELS, NOT_FINITE, diverging, level
from gradcheck.views.html import to_html
from gradcheck.views.json import dumps, loads
from gradcheck.views.png import EMPTY, UNKNOWN, as_address
from gradcheck.views.tiles import laid_out

RNG = np.random.default_rng(2)


def pictured(yours, true, name="dw"):
    """The report on a wrong gradient, with its picture."""
    g = replace(ONE_WRONG.gradients[1], name=name, shape=true.shape, picture=picture_of(yours, true))
    return replace(ONE_WRONG, gradients=(ONE_WRONG.gradients[0], g))


def pixels(address):
    """The rows of a picture as indices, and the palette."""
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        chunks[kind], at = content, at + 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = zlib.decompress(chunks[b"IDAT"])
    assert len(lines) == height * (width + 1)
    return [list(lines[i * (width + 1) + 1 : (i + 1) * (width + 1)]) for i in range(height)], chunks[b"PLTE"]


def maps(html):
    return [pixels(address)[0] for address in re.findall(r'<img class="map" src="([^"]+)"', html)]


def test_a_flipped_kernel_is_seen():
    true = np.arange(-9.0, 9.0).reshape(2, 1, 3, 3)
    yours, truth, _ = maps(to_html(pictured(true[..., ::-1, ::-1], true)))
    for left in (0, 4):  # one pixel between two kernels
        mine, right = (np.array(page)[:3, left : left + 3] for page in (yours, truth))
        np.testing.assert_array_equal(mine, right[::-1, ::-1])
    assert {row[3] for row in yours} == {EMPTY}


def test_yours_and_the_true_gradient_share_a_scale_and_the_difference_has_its_own():
    true = np.array([[1.0, -2.0], [0.0, 0.5]])
    yours, truth, difference = maps(to_html(pictured(2 * true, true)))
    assert yours == [[level(2.0, 4.0), 0], [CENTRE, level(1.0, 4.0)]]
    assert truth == [[level(1.0, 4.0), level(-2.0, 4.0)], [CENTRE, level(0.5, 4.0)]]
    assert difference == [[level(1.0, 2.0), 0], [CENTRE, level(0.5, 2.0)]]


def test_what_is_far_smaller_has_a_scale_of_its_own_and_it_is_said():
    true = np.array([[1.0, -2.0], [0.0, 0.5]])
    html = to_html(pictured(true[::-1] / 50, true))
    yours, truth, _ = maps(html)
    assert yours == truth[::-1]
    assert "each on its own scale" in html


def test_what_is_not_finite_has_a_colour_of_its_own():
    yours, _, difference = maps(to_html(pictured(np.array([1.0, np.nan, np.inf]), np.ones(3))))
    assert [x == UNKNOWN for x in yours[0]] == [x == UNKNOWN for x in difference[0]] == [False, True, True]


def test_the_pictures_are_told_in_words():
    html = to_html(pictured(RNG.normal(size=(300, 5, 3, 3)), RNG.normal(size=(300, 5, 3, 3))))
    alts = [alt for alt in re.findall(r'alt="([^"]*)"', html) if alt]
    assert [alt.partition(":")[0] for alt in alts] == ["dw, yours", "dw, autograd", "dw, yours minus autograd"]
    assert 'role="img" aria-label="dw: scatter of yours against autograd' in html
    assert "the 36 of 1,500 matrices that differ most, 3×3 each" in html
    assert "a block of" not in html
    assert "a cell is the entry that differs most in a block of 5×4" in to_html(
        pictured(RNG.normal(size=(300, 200)), RNG.normal(size=(300, 200)))
    )


def test_only_the_first_is_open():
    wrong = pictured(RNG.normal(size=3), RNG.normal(size=3)).gradients[1]
    html = to_html(replace(ONE_WRONG, gradients=(wrong, replace(wrong, name="db"))))
    assert html.count("<details open>") == 1
    assert html.count("<details>") == 1


def test_a_right_report_has_none():
    assert "<img" not in to_html(ONE_WRONG)


@pytest.mark.parametrize("shape", [(3,), (60, 70), (1000, 1000), (64, 64, 3, 3), (7, 7, 64, 65)])
def test_pages_and_files_stay_small(shape):
    report = pictured(RNG.normal(size=shape), RNG.normal(size=shape))
    assert len(to_html(report)) < 60_000
    assert len(dumps(report)) < 140_000
    assert len(dumps(report).splitlines()) < 400
    assert loads(dumps(report)) == report


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 24, 36])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 40), (40, 2)])
def test_every_value_has_its_place(n, size):
    values = np.arange(1.0, 1 + n * size[0] * size[1]).reshape(n, *size)
    picture = picture_of(values, np.zeros((n, *size)))
    if picture is not None:
        page = laid_out(picture.yours, picture)
        assert sorted(x for row in page for x in row if x is not None) == list(picture.yours)
        assert len({len(row) for row in page}) == 1


def test_the_colours_are_even_and_their_middle_is_zero():
    colours = diverging()
    assert len(set(colours)) == LEVELS == len(colours)
    assert min(colours[CENTRE]) > 240
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in colours]
    assert light[: CENTRE + 1] == sorted(light[: CENTRE + 1])
    assert light[CENTRE:] == sorted(light[CENTRE:], reverse=True)
    assert NOT_FINITE not in colours
    assert (level(0.0, 0.0), level(-3.0, 3.0), level(3.0, 3.0)) == (CENTRE, 0, LEVELS - 1)


def test_a_picture_is_read_as_it_was_written():
    rows = [[0, CENTRE, UNKNOWN], [EMPTY, 1, LEVELS - 1]]
    read, palette = pixels(as_address(rows))
    assert read == rows
    assert len(palette) == 3 * (LEVELS + 2)
