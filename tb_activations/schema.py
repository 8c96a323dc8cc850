"""The data contract: every name, column and header that the writing and the reading half share.

Nothing here touches a framework, a file or TensorBoard; `docs/format.md` is this module in prose.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
"""Major version of the format. A reader refuses a newer one; within one version, unknown fields are ignored."""

PLUGIN_NAME = "activations"
HEALTH_PLUGIN_NAME = "activations_health"
"""A plugin name of its own, because TensorBoard samples steps per plugin name and health is kept far longer."""
IMAGES_PLUGIN_NAME = "images"
HISTOGRAMS_PLUGIN_NAME = "histograms"

MANIFEST_TAG = "manifest"
PREDICTIONS_TAG = "predictions"
_HEALTH_PREFIX = "health/"

MAX_PREDICTIONS = 5
"""How many classes per sample the predictions hold."""

ATLAS_TEXT_KEYWORD = "tb_activations"
"""Keyword of the PNG's compressed text chunk (zTXt) that holds the `AtlasHeader`."""

STATISTICS_COLUMNS = (
    "min",
    "max",
    "mean",
    "std",
    "negative_fraction",
    "zero_fraction",
    "nan_count",
    "inf_count",
    "negative_inf_count",
)
"""Columns of `<path>/statistics`, float32 `[channels, columns]`, over the probe batch and all positions; those that are
mostly zero last, because `without_zero_columns` leaves them out.

min, max, mean and std are of the finite values (NaN when there is none); std is the population's. The fractions are
shares of all values, finite or not; `inf_count` counts both signs.
"""

HEALTH_COLUMNS = (*STATISTICS_COLUMNS, "dead_fraction", "change", "count")
"""Columns of `health/<digest>`, float32 `[layers, columns]`: the statistics over the whole layer, then

dead_fraction: the share of channels that are exactly zero for every probe sample and position;
change: `|m - m'| / |m'|` (Euclidean) for `m` the channels' finite means now and `m'` at the previous log, NaN at the
first; count: how many values there are. A row of NaN is a layer that this log does not hold.
"""


class SchemaError(ValueError):
    """Data on disk that this version cannot read: a newer major version, or not what the contract says."""


def without_zero_columns(table: np.ndarray) -> np.ndarray:
    """A table [rows, columns] without its last columns where they are zero in every row; at least one stays."""
    width: int = table.shape[1]
    while width > 1 and not table[:, width - 1].any():
        width -= 1
    return table[:, :width]


def with_zero_columns(table: np.ndarray, width: int) -> np.ndarray:
    """What `without_zero_columns` was given, when that had `width` columns; other tables as they are."""
    if table.ndim != 2 or table.shape[1] >= width:
        return table
    return np.pad(table, ((0, 0), (0, width - table.shape[1])))


def image_tag(path: str) -> str:
    return f"{path}/image"


def histogram_tag(path: str) -> str:
    return f"{path}/histogram"


def statistics_tag(path: str) -> str:
    return f"{path}/statistics"


def health_tag(digest: str) -> str:
    return f"{_HEALTH_PREFIX}{digest}"


def prediction_columns(count: int) -> tuple[str, ...]:
    """Columns of `predictions`, float32 `[samples, 2 * count]`, scores descending: class_1, score_1, class_2, …"""
    return tuple(f"{name}_{place}" for place in range(1, count + 1) for name in ("class", "score"))


def _check_version(data: Mapping[str, Any], what: str) -> None:
    version = data.get("schema_version")
    if not isinstance(version, int):
        raise SchemaError(f"{what} has no integer schema_version. Received: {version!r}")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"{what} has schema version {version}, and this tb_activations reads up to {SCHEMA_VERSION}. "
            "Upgrade it where TensorBoard runs: pip install --upgrade tb_activations"
        )


def _known_fields(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {key: value for key, value in data.items() if key in names}


@dataclasses.dataclass(frozen=True)
class LayerInfo:
    """One captured (or capturable) output of one layer call.

    path: nesting path with `#k` for the k-th call (from the second, `#1`) and `:k` for the k-th output (from the
        second), e.g. `backbone/conv2_block1_1_conv`; the tags' first part, and unique within a run.
    name: the layer's own name. index: position `i` in `model.layers[i]`, or None for a layer that is not there.
    shape: output shape with the batch axis first; None where an axis is the batch or unknown.
    parameters: how many weights the layer owns, its sub-layers' included.
    activation: name of the layer's activation function (`"relu"`), None when it has none or it is linear.
    parents: paths of the layer outputs this one was computed from, nearest first.
    role: `"input"` (a model input), `"output"` (a model output) or `"layer"`.
    """

    path: str
    name: str
    index: int | None = None
    class_name: str = ""
    shape: tuple[int | None, ...] | None = None
    dtype: str = ""
    parameters: int = 0
    activation: str | None = None
    parents: tuple[str, ...] = ()
    role: str = "layer"
    data_format: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LayerInfo:
        known = _known_fields(cls, data)
        if not isinstance(known.get("path"), str):
            raise SchemaError(f"a layer of the manifest has no path. Received: {dict(data)!r}")
        known.setdefault("name", known["path"])
        if known.get("shape") is not None:
            known["shape"] = tuple(known["shape"])
        known["parents"] = tuple(known.get("parents", ()))
        return cls(**known)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a run holds: the layer browser's skeleton, and the row order of the run's health tensors."""

    layers: tuple[LayerInfo, ...]
    """In execution order, inputs first."""
    labels: tuple[str, ...] = ()
    """One per probe sample, `""` where there is none."""
    class_names: tuple[str, ...] = ()
    """By class id, `""` where there is none."""
    prediction: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of which output the predictions are: path, classes, activation; empty when no output is [batch, classes]."""
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Path → why it could not be captured."""
    writer: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Package versions by name: tb_activations, numpy, and the framework's."""
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """name, class_name, parameters; empty for arrays that came from no model."""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cost: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What logging had cost when the manifest was written; the fields of `ActivationWriter.stats`."""
    notes: tuple[str, ...] = ()
    """Sentences about the run: why its pictures end, say."""
    statistics_columns: tuple[str, ...] = STATISTICS_COLUMNS
    health_columns: tuple[str, ...] = HEALTH_COLUMNS

    @property
    def digest(self) -> str:
        """12 hexadecimal digits that name the rows and columns of the health tensors: paths and column names only,
        so that a new label or a version bump does not start a new health series."""
        rows = json.dumps([[layer.path for layer in self.layers], list(self.health_columns)])
        return hashlib.sha256(rows.encode()).hexdigest()[:12]

    def to_json(self) -> str:
        return json.dumps(
            {"schema_version": SCHEMA_VERSION, "digest": self.digest, **dataclasses.asdict(self)},
            separators=(",", ":"),
            default=str,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Raises SchemaError for a newer major version and for text that is no manifest."""
        data = _parse_object(text, "the manifest")
        known = _known_fields(cls, data)
        if not isinstance(known.get("layers"), list):
            raise SchemaError("the manifest has no list of layers")
        known["layers"] = tuple(LayerInfo.from_json(layer) for layer in known["layers"])
        for name in ("labels", "class_names", "notes", "statistics_columns", "health_columns"):
            if name in known:
                known[name] = tuple(known[name])
        return cls(**known)


@dataclasses.dataclass(frozen=True, eq=False)
class AtlasHeader:
    """What turns an atlas' 8-bit codes back into numbers; the PNG's text chunk.

    view: how tiles relate to the tensor, one of
        `"maps"` a tile per channel, rows and columns are height and width;
        `"sequence"` one tile, rows are time, columns are units;
        `"units"` one tile, units in reading order (the last row may end early, codes there mean nothing);
        `"scalar"` one tile of one cell;
        `"color"` a colour picture (PNG of 3 or 4 samples per pixel) in one tile with one range for all of them.
    shape: of the sample's tensor, without the batch axis. axes: one name per axis of shape: `height`, `width`,
        `channel`, `time`, `unit`.
    dtype: of the tensor as the layer gave it.
    tile: `(height, width)` in pixels. columns: tiles per row of the atlas.
    downsampling: `(rows, columns)`: how many values of the tensor are averaged into one pixel.
    channels: the channel (or unit) ids drawn, in the order of the tiles (or, for sequence and units, of the columns
        and cells); given as a range, they are written in fewer bytes.
    ranges: float32 (float64 for layers of that type) `[tiles, 2]`, low and high: what code 0 and code `levels - 1`
        stand for; NaN when no pixel is finite.
    levels: per tile, how many codes mean a finite value: 256, or 253 in a tile with non-finite pixels, where the
        next three codes are -Inf, +Inf and NaN in this order.
    slices: `(rows, columns)` of the slices in each tile of `"maps"`, in reading order, for tensors with axes before
        the maps' two; all are of the same size.
    note: what was done to the values before drawing, e.g. `"magnitude of complex values"`.
    """

    view: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    dtype: str
    tile: tuple[int, int]
    columns: int
    downsampling: tuple[int, int]
    channels: Sequence[int]
    ranges: np.ndarray
    levels: tuple[int, ...]
    normalization: str = "channel"
    slices: tuple[int, int] = (1, 1)
    note: str = ""

    def to_json(self) -> str:
        kind = "float64" if self.ranges.dtype == np.float64 else "float32"
        ranges = base64.b64encode(self.ranges.astype(_LITTLE_ENDIAN[kind]).tobytes()).decode()
        rest = _json_without_ranges(tuple(field for field in vars(self).items() if field[0] != "ranges"))
        return f'{rest[:-1]},"ranges":{{"{kind}":"{ranges}"}}}}'

    @classmethod
    def from_json(cls, text: str | bytes) -> AtlasHeader:
        """Raises SchemaError for a newer major version and for text that is no atlas header."""
        data = _parse_object(text, "the atlas header")
        known = _known_fields(cls, data)
        try:
            [(kind, ranges)] = known["ranges"].items()
            known["ranges"] = np.frombuffer(base64.b64decode(ranges), _LITTLE_ENDIAN[kind]).reshape(-1, 2)
            channels = known["channels"]
            known["channels"] = tuple(range(channels) if isinstance(channels, int) else channels)
            if isinstance(known["levels"], int):
                known["levels"] = [known["levels"]] * len(known["ranges"])
            known["slices"] = known.get("slices", (1, 1))
            for name in ("shape", "axes", "tile", "downsampling", "levels", "slices"):
                known[name] = tuple(known[name])
            return cls(**known)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise SchemaError(f"the atlas header lacks a field or has one of a wrong type: {error!r}") from error


_LITTLE_ENDIAN = {"float32": "<f4", "float64": "<f8"}


@functools.lru_cache(maxsize=1024)
def _json_without_ranges(fields: tuple[tuple[str, Any], ...]) -> str:
    """The rest is the same for all samples and at every log. The first n channels, and equal levels, are one number."""
    header = {"schema_version": SCHEMA_VERSION, **dict(fields)}
    if isinstance(header["channels"], range):
        header["channels"] = len(header["channels"])
    if len(set(header["levels"])) == 1:
        header["levels"] = header["levels"][0]
    return json.dumps(header, separators=(",", ":"))


FINITE_LEVELS = 256
"""Codes of a tile whose pixels are all finite."""
FINITE_LEVELS_WITH_NONFINITE = 253
"""Codes left for finite values in a tile that has non-finite pixels."""
NONFINITE_VALUES = (-math.inf, math.inf, math.nan)
"""What the codes from `levels` upwards mean, in this order."""


def decode_codes(codes: np.ndarray, value_range: np.ndarray, levels: int) -> np.ndarray:
    """A tile's values; value_range: low and high.

    codes: uint8, any shape. Returns float64 of that shape: `low + code / (levels - 1) * (high - low)`, and the
    non-finite value for a code from `levels` upwards.
    """
    low, high = value_range.tolist()
    # Weights rather than low + t * (high - low): the difference of two finite ends can overflow.
    share = np.arange(levels, dtype=np.float64) / (levels - 1)
    table = np.full(FINITE_LEVELS, np.nan)
    table[:levels] = low if low == high else low * (1 - share) + high * share
    table[levels : levels + len(NONFINITE_VALUES)] = NONFINITE_VALUES[: FINITE_LEVELS - levels]
    values: np.ndarray = table[codes]
    return values


def _parse_object(text: str | bytes, what: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SchemaError(f"{what} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise SchemaError(f"{what} is not a JSON object. Received: {type(data).__name__}")
    _check_version(data, what)
    return data
