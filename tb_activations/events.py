"""Events: TensorBoard's event-file records, without TensorFlow.

The framing is TFRecord's (https://www.tensorflow.org/tutorials/load_data/tfrecord): length as uint64, masked CRC-32C
of the length, the data, masked CRC-32C of the data, all little-endian.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, types_pb2
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata

from tb_activations import schema

_MASK_DELTA = 0xA282EAD8
_FILE_NUMBERS = itertools.count()
_BUFFER_BYTES = 1 << 20
_IMAGE_METADATA = image_metadata.create_summary_metadata(display_name=None, description=None)
_HISTOGRAM_METADATA = histogram_metadata.create_summary_metadata(display_name=None, description=None)


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write_record(file: BinaryIO, data: bytes) -> int:
    """Write one record; returns how many bytes it took."""
    length = struct.pack("<Q", len(data))
    file.write(length + struct.pack("<I", _masked_crc(length)))
    file.write(data)
    file.write(struct.pack("<I", _masked_crc(data)))
    return len(data) + 16


def most_bytes(values: list[summary_pb2.Summary.Value]) -> int:
    """No less than what an event of these values takes in the file, and hardly more."""
    # Each value has a tag and a length of at most 6 bytes; the event a step, a time, lengths, and the record's frame.
    return 64 + sum(int(value.ByteSize()) + 6 for value in values)


class EventFile:
    """One event file, created with its first line; not thread-safe.

    directory: created when missing. Raises OSError as the file system does.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        now = time.time()
        # TensorBoard reads a directory's files in the order of their names, so the name begins with the time, and the
        # number is padded.
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_FILE_NUMBERS):05d}.v2"
        self.path = directory / name
        self._file = open(self.path, "xb", buffering=_BUFFER_BYTES)  # noqa: SIM115 (closed by close)
        self._started = False
        self.bytes_written = 0
        self._write(event_pb2.Event(wall_time=now, file_version="brain.Event:2"))

    def write(self, step: int, wall_time: float, values: list[summary_pb2.Summary.Value]) -> None:
        """Write one event; the first says that a session starts at its step."""
        if not self._started:
            # A run resumed from a lower step replaces what came after it. TensorBoard's data server sees that by the
            # steps; its Python loader only by a second start.
            self._started = True
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._write(event_pb2.Event(wall_time=wall_time, step=step, session_log=start))
        self._write(event_pb2.Event(wall_time=wall_time, step=step, summary=summary_pb2.Summary(value=values)))

    def _write(self, event: event_pb2.Event) -> None:
        self.bytes_written += write_record(self._file, event.SerializeToString())

    def flush(self, to_disk: bool = False) -> None:
        """Hand everything to the operating system; `to_disk` waits until it is on the disk."""
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            self.flush(to_disk=True)
            self._file.close()


def image_value(tag: str, width: int, height: int, images: tuple[bytes, ...]) -> summary_pb2.Summary.Value:
    """What `tf.summary.image` writes: a string tensor `[width, height, png, png, …]`."""
    value = summary_pb2.Summary.Value(tag=tag, metadata=_IMAGE_METADATA)
    value.tensor.dtype = types_pb2.DT_STRING
    value.tensor.tensor_shape.dim.add(size=2 + len(images))
    value.tensor.string_val.extend([str(width).encode(), str(height).encode(), *images])
    return value


def histogram_value(tag: str, bins: np.ndarray) -> summary_pb2.Summary.Value:
    """What `tf.summary.histogram` writes. bins: float64 [bins, 3]."""
    value = summary_pb2.Summary.Value(tag=tag, metadata=_HISTOGRAM_METADATA)
    _fill_tensor(value, bins.astype("<f8", copy=False), types_pb2.DT_DOUBLE)
    return value


def tensor_value(tag: str, plugin_name: str, array: np.ndarray) -> summary_pb2.Summary.Value:
    """A float32 tensor of one of our own plugin names."""
    value = summary_pb2.Summary.Value(tag=tag, metadata=_own_metadata(plugin_name))
    _fill_tensor(value, array.astype("<f4"), types_pb2.DT_FLOAT)
    return value


def manifest_value(manifest: schema.Manifest) -> summary_pb2.Summary.Value:
    value = summary_pb2.Summary.Value(tag=schema.MANIFEST_TAG, metadata=_own_metadata(schema.PLUGIN_NAME))
    value.tensor.dtype = types_pb2.DT_STRING
    # Rank 1: TensorBoard loses a string tensor of rank 0.
    value.tensor.tensor_shape.dim.add(size=1)
    value.tensor.string_val.append(manifest.to_json().encode())
    return value


@functools.cache
def _own_metadata(plugin_name: str) -> summary_pb2.SummaryMetadata:
    # Without a data class TensorBoard's data providers do not show the data to anyone.
    return summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin_name),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    )


def _fill_tensor(value: summary_pb2.Summary.Value, array: np.ndarray, dtype: int) -> None:
    value.tensor.dtype = dtype
    for size in array.shape:
        value.tensor.tensor_shape.dim.add(size=size)
    value.tensor.tensor_content = array.tobytes()
