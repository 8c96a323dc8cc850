"""Event files for the reader's tests, written from docs/format.md and without the code under test."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

START = 1_764_000_000.0
LAYERS = ("images", "conv", "block/dense")
COLUMNS = ("min", "max", "mean", "std", "zero_fraction", "nan_count", "inf_count", "negative_fraction", "negative_inf")
HEALTH_COLUMNS = (*COLUMNS, "dead_fraction", "change", "count")


def grey_png(pixels: np.ndarray) -> bytes:
    """pixels: uint8 [height, width]."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def manifest_json(layers: Sequence[str] = LAYERS, **fields: Any) -> str:
    return json.dumps(
        {
            "schema_version": 1,
            "digest": "0123456789ab",
            "layers": [{"path": path, "name": path} for path in layers],
            "labels": ["7", "2"],
            "statistics_columns": COLUMNS,
            "health_columns": HEALTH_COLUMNS,
            **fields,
        }
    )


@dataclasses.dataclass
class WrittenRun:
    """What a run holds, kept beside the event file as the tests' truth."""

    directory: pathlib.Path
    manifest: dict[str, Any]
    wall_times: dict[int, float] = dataclasses.field(default_factory=dict)
    pictures: dict[tuple[str, int], list[bytes]] = dataclasses.field(default_factory=dict)
    statistics: dict[tuple[str, int], np.ndarray] = dataclasses.field(default_factory=dict)
    histograms: dict[tuple[str, int], np.ndarray] = dataclasses.field(default_factory=dict)
    health: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)


def _events_of(run: WrittenRun, text: str, steps: Sequence[int], start: float, seed: int) -> list[Any]:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.util import tensor_util

    rng = np.random.default_rng(seed)
    events = []
    for position, step in enumerate(steps):
        event = event_pb2.Event(step=step, wall_time=start + step + position / 7)
        run.wall_times[step] = event.wall_time

        def add(tag: str, plugin: str, data_class: int, value: Any, event: Any = event) -> None:
            metadata = summary_pb2.SummaryMetadata(data_class=data_class)
            metadata.plugin_data.plugin_name = plugin
            event.summary.value.add(tag=tag, tensor=tensor_util.make_tensor_proto(value), metadata=metadata)

        tensor, blobs = summary_pb2.DATA_CLASS_TENSOR, summary_pb2.DATA_CLASS_BLOB_SEQUENCE
        if position == 0:
            add("manifest", "activations", tensor, np.array([text.encode()], dtype=object))
        layers = [layer["path"] for layer in run.manifest["layers"]]
        for layer in layers:
            if layer != "images" or position == 0:
                pictures = [grey_png(rng.integers(0, 256, (3, 4), dtype=np.uint8)) for _ in range(2)]
                run.pictures[layer, step] = pictures
                add(f"{layer}/image", "images", blobs, np.array([b"4", b"3", *pictures], dtype=object))
            run.statistics[layer, step] = rng.normal(size=(2, len(COLUMNS))).astype(np.float32)
            run.statistics[layer, step][0, 0] = np.nan
            add(f"{layer}/statistics", "activations", tensor, run.statistics[layer, step])
            run.histograms[layer, step] = np.sort(rng.normal(size=(5, 3)))
            add(f"{layer}/histogram", "histograms", tensor, run.histograms[layer, step])
        run.health[step] = rng.normal(size=(len(layers), len(HEALTH_COLUMNS))).astype(np.float32)
        add(f"health/{run.manifest['digest']}", "activations_health", tensor, run.health[step])
        events.append(event)
    return events


def write_run(
    directory: pathlib.Path,
    steps: Sequence[int] = (0, 10, 20),
    text: str | None = None,
    start: float = START,
    seed: int = 0,
    layers: Sequence[str] = LAYERS,
    session: bool = False,
) -> WrittenRun:
    """One event file with two probe samples.

    text: the manifest's, when it is not to be a good one. session: begin with SessionLog.START at the first step.
    """
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    run = WrittenRun(directory, json.loads(manifest_json(layers)))
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / f"events.out.tfevents.{int(start)}.test.{seed}", "wb") as file:
        records = RecordWriter(file)
        records.write(event_pb2.Event(wall_time=start, file_version="brain.Event:2").SerializeToString())
        if session:
            begin = event_pb2.Event(step=steps[0], wall_time=start)
            begin.session_log.status = event_pb2.SessionLog.START
            records.write(begin.SerializeToString())
        for event in _events_of(run, manifest_json(layers) if text is None else text, steps, start, seed):
            records.write(event.SerializeToString())
    return run


def read_series(body: bytes) -> tuple[Mapping[str, Any], np.ndarray]:
    """A tensor series as docs/http.md describes it."""
    (length,) = struct.unpack("<I", body[:4])
    header = json.loads(body[4 : 4 + length])
    assert (4 + length) % 8 == 0
    values = np.frombuffer(body, dtype={"float32": "<f4", "float64": "<f8"}[header["dtype"]], offset=4 + length)
    return header, values.reshape(header["shape"])


@pytest.fixture(scope="session")
def writes_run() -> Callable[..., WrittenRun]:
    return write_run


@pytest.fixture(scope="session")
def reads_series() -> Callable[[bytes], tuple[Mapping[str, Any], np.ndarray]]:
    return read_series


@pytest.fixture(scope="session")
def makes_manifest() -> Callable[..., str]:
    return manifest_json


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
