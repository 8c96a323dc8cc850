"""PNG, against Pillow's reader."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tb_activations.encode import png

shapes = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([3, 4])),
)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.uint8, shapes), st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=50))
def test_pillow_reads_the_same_pixels_and_text(pixels, text):
    with Image.open(io.BytesIO(png.encode_pngs(pixels[None], "keyword", [text])[0])) as image:
        image.load()
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert image.text["keyword"] == text


@pytest.mark.parametrize("deflate", [png.deflate_plain, png.deflate_fast])
def test_both_ways_to_deflate_make_a_zlib_stream(rng, deflate):
    data = np.where(rng.random(10_000) < 0.5, 0, rng.integers(0, 256, 10_000)).astype(np.uint8).tobytes()
    packed = deflate(data)
    assert zlib.decompress(packed) == data
    assert len(packed) < len(data)


def test_pillow_reads_what_plain_zlib_made(rng, monkeypatch):
    monkeypatch.setattr(png, "isal_zlib", None)
    monkeypatch.setattr(png, "deflate", png.deflate_plain)
    monkeypatch.setattr(png, "crc32", zlib.crc32)
    pixels = rng.integers(0, 256, (30, 40), np.uint8)
    with Image.open(io.BytesIO(png.encode_pngs(pixels[None], "keyword", ["text"])[0])) as image:
        image.load()
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert image.text["keyword"] == "text"
