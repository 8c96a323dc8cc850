"""Deflate: size against time of the ways to compress an atlas, on the real atlases of one log of ResNet50."""

from __future__ import annotations

import dataclasses
import io
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from benchmarks import models
from tb_activations import ActivationWriter

PNG_SIGNATURE = b"\x89PNG"


@dataclasses.dataclass(frozen=True)
class Way:
    """filter: of the rows; ms, megabytes: of compressing all atlases, the header and the text not counted."""

    deflate: str
    filter: str
    ms: float
    megabytes: float


@dataclasses.dataclass(frozen=True)
class Written:
    """What one log puts on the disk: megabytes of the event file, of the pictures in it, and their number."""

    file_megabytes: float
    png_megabytes: float
    atlases: tuple[np.ndarray, ...]


def written(model: keras.Model) -> Written:
    """One log of batch 1, read back by TensorBoard's own reader. atlases: uint8 [height, width] each."""
    with tempfile.TemporaryDirectory() as directory:
        with ActivationWriter(directory) as writer:
            writer.log(model, models.photo(1, 224), 0)
        (path,) = Path(directory).rglob("events.out.tfevents.*")
        pictures = [
            content
            for event in EventFileLoader(str(path)).Load()
            for value in event.summary.value
            for content in value.tensor.string_val
            if content.startswith(PNG_SIGNATURE)
        ]
        size = path.stat().st_size
    decoded = [np.asarray(Image.open(io.BytesIO(picture))) for picture in pictures]
    grey = tuple(atlas for atlas in decoded if atlas.ndim == 2)
    return Written(size / 1e6, sum(map(len, pictures)) / 1e6, grey)


def deflate_ways(atlases: tuple[np.ndarray, ...], repeats: int) -> list[Way]:
    rows = {name: [filtered(atlas).tobytes() for atlas in atlases] for name, filtered in FILTERS.items()}
    found = []
    for name, compress in _compressors().items():
        for filter_name, pieces in rows.items():
            seconds = []
            for _ in range(repeats):
                started = time.perf_counter()
                size = sum(len(compress(piece)) for piece in pieces)
                seconds.append(time.perf_counter() - started)
            found.append(Way(name, filter_name, min(seconds) * 1e3, size / 1e6))
    return found


def _none(atlas: np.ndarray) -> np.ndarray:
    return _with_type(0, atlas)


def _sub(atlas: np.ndarray) -> np.ndarray:
    return _with_type(1, np.diff(atlas, axis=1, prepend=np.uint8(0)))


def _up(atlas: np.ndarray) -> np.ndarray:
    return _with_type(2, np.diff(atlas, axis=0, prepend=np.uint8(0)))


def _with_type(filter_type: int, rows: np.ndarray) -> np.ndarray:
    """The filter's number before each row: https://www.w3.org/TR/png-3/#9Filters"""
    return np.pad(rows, ((0, 0), (1, 0)), constant_values=filter_type)


FILTERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"None": _none, "Sub": _sub, "Up": _up}


def _compressors() -> dict[str, Callable[[bytes], bytes]]:
    ways = {
        "zlib, level 1": _zlib(1, zlib.Z_DEFAULT_STRATEGY),
        "zlib, level 6": _zlib(6, zlib.Z_DEFAULT_STRATEGY),
        "zlib, `Z_RLE`": _zlib(1, zlib.Z_RLE),
        "zlib, `Z_HUFFMAN_ONLY`": _zlib(1, zlib.Z_HUFFMAN_ONLY),
    }
    try:
        from isal import isal_zlib
    except ImportError:
        return ways
    return {
        **ways,
        "`isal`, level 0": lambda data: bytes(isal_zlib.compress(data, 0)),
        "`isal`, level 1": lambda data: bytes(isal_zlib.compress(data, 1)),
        "`isal`, level 2": lambda data: bytes(isal_zlib.compress(data, 2)),
    }


def _zlib(level: int, strategy: int) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        compressor = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        return compressor.compress(data) + compressor.flush()

    return compress
