"""PNG: pixels and a text to the bytes of pictures, fast."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = None  # type: ignore[assignment]  # an optional package

_COLOR_TYPES = {1: 0, 3: 2, 4: 6}
_SUB = 1
_MEMORY_LEVEL = 9  # zlib's highest


def deflate_plain(data: bytes | memoryview) -> bytes:
    # Quantised activations hold noise and runs of one value, no repeated text: looking for runs alone takes half of
    # level 1's time and makes smaller files (docs/performance.md).
    compressor = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, _MEMORY_LEVEL, zlib.Z_RLE)
    return compressor.compress(data) + compressor.flush()


def deflate_fast(data: bytes | memoryview) -> bytes:
    """With the optional package isal: a quarter of plain zlib's time for one per cent more bytes."""
    compressed: bytes = isal_zlib.compress(data, 1)
    return compressed


def deflate_text(text: bytes) -> bytes:
    compressed: bytes = zlib.compress(text, 1) if isal_zlib is None else isal_zlib.compress(text, 1)
    return compressed


deflate = deflate_plain if isal_zlib is None else deflate_fast
crc32 = zlib.crc32 if isal_zlib is None else isal_zlib.crc32


def encode_pngs(pixels: np.ndarray, keyword: str, texts: Sequence[str]) -> list[bytes]:
    """PNGs of 8 bits per sample without interlacing, each with one compressed Latin-1 text chunk before the pixels.

    pixels: uint8 [pictures, height, width] (grey) or [pictures, height, width, 3 or 4] (RGB or RGBA); texts: one per
    picture. https://www.w3.org/TR/png-3/ is the format. Every row is filtered by Sub (the difference from the pixel at
    its left), which takes a tenth off.
    """
    count, height, width = pixels.shape[:3]
    samples = 1 if pixels.ndim == 3 else pixels.shape[3]
    rows = pixels.reshape(count, height, width * samples)
    filtered = np.empty((count, height, 1 + width * samples), np.uint8)
    filtered[..., 0] = _SUB
    filtered[..., 1 : 1 + samples] = rows[..., :samples]
    np.subtract(rows[..., samples:], rows[..., :-samples], out=filtered[..., 1 + samples :])
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[samples], 0, 0, 0)
    start = b"".join((b"\x89PNG\r\n\x1a\n", *_chunk(b"IHDR", header)))
    before_text = keyword.encode("latin-1") + b"\0\0"
    return [
        b"".join(
            (
                start,
                *_chunk(b"zTXt", before_text + deflate_text(text.encode("latin-1"))),
                *_chunk(b"IDAT", deflate(picture.data)),
                _END,
            )
        )
        for picture, text in zip(filtered.reshape(count, -1), texts, strict=True)
    ]


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, ...]:
    checksum = crc32(data, crc32(kind))
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)


_END = b"".join(_chunk(b"IEND", b""))
