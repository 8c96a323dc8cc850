"""Selection: what the user asked for → which layers; the listing; "did you mean"."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, overload

from tb_activations.schema import LayerInfo

# These hand their input on, or change only its shape: their activations are their neighbour's.
_PASSIVE_CLASSES = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Cast",
        "Dropout",
        "ExpandDims",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "InputLayer",
        "NotEqual",  # What a masking embedding adds to a functional model.
        "Permute",
        "Reshape",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "Squeeze",
        "StopGradient",
        "Transpose",
    }
)

_HEADINGS = ("index", "path", "class", "output shape", "parameters")
_SELECTOR_KINDS = (
    "an integer (an index into model.layers), a layer name or path, a glob such as 'block*', a compiled pattern, "
    "a predicate on LayerInfo, or a list of these"
)


class LayerTable(Sequence[LayerInfo]):
    """Layers in execution order; `str()` of it is the table that `list_layers` prints."""

    def __init__(self, layers: Sequence[LayerInfo]) -> None:
        self._layers = tuple(layers)

    @overload
    def __getitem__(self, index: int) -> LayerInfo: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LayerInfo, ...]: ...
    def __getitem__(self, index: int | slice) -> LayerInfo | tuple[LayerInfo, ...]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[LayerInfo]:
        return iter(self._layers)

    def __repr__(self) -> str:
        return f"<LayerTable: {len(self)} layers>"

    def __str__(self) -> str:
        rows = [_HEADINGS, *(_cells(layer) for layer in self._layers)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        rows.insert(1, tuple("-" * width for width in widths))
        # Numbers to the right, words to the left.
        align = (str.rjust, str.ljust, str.ljust, str.ljust, str.rjust)
        return "\n".join(
            "  ".join(place(cell, width) for place, cell, width in zip(align, row, widths, strict=True)).rstrip()
            for row in rows
        )


def _cells(layer: LayerInfo) -> tuple[str, ...]:
    index = "-" if layer.index is None else str(layer.index)
    return (index, layer.path, layer.class_name, str(layer.shape), f"{layer.parameters:,}")


def select(
    infos: Sequence[LayerInfo],
    layers: Any = None,
    exclude: Any = None,
    *,
    layer_names: Sequence[str],
    containers: Collection[str] = (),
    same_as: Mapping[str, str] | None = None,
    skipped: Mapping[str, str] | None = None,
) -> tuple[LayerInfo, ...]:
    """The layers asked for, in execution order.

    infos: every capturable output; layer_names: of `model.layers`, which integers index;
    containers: paths of nested models, whose output is that of a layer inside; same_as: path → earlier path with the
    very same values (dropout at inference, say); skipped: path → why it cannot be seen.

    Raises ValueError for a selector that matches nothing and for an empty selection, IndexError for an index out of
    range, TypeError for a selector of another kind.
    """
    skipped = skipped or {}
    if layers is None:
        chosen = {
            info.path
            for info in infos
            if info.role != "input" and info.class_name not in _PASSIVE_CLASSES and info.path not in containers
        }
        for info in infos:
            if info.role == "output" and (same_as or {}).get(info.path) not in chosen:
                chosen.add(info.path)
    else:
        chosen = _matches(infos, layers, layer_names, skipped)
    if exclude is not None:
        chosen -= _matches(infos, exclude, layer_names, skipped)
    if not chosen:
        raise ValueError(f"no layer is selected. {_what_there_is(infos)}")
    return tuple(info for info in infos if info.path in chosen)


def _matches(
    infos: Sequence[LayerInfo], selector: Any, layer_names: Sequence[str], skipped: Mapping[str, str]
) -> set[str]:
    if isinstance(selector, (list, tuple, set, frozenset)):
        return set().union(*(_matches(infos, one, layer_names, skipped) for one in selector))
    if isinstance(selector, bool):
        raise TypeError(f"a layer selector must be {_SELECTOR_KINDS}. Received: {selector!r}")
    if isinstance(selector, str):
        return _by_name(infos, selector, skipped)
    if isinstance(selector, re.Pattern):
        return _by_predicate(infos, lambda info: bool(selector.search(info.path)), selector)
    if hasattr(selector, "__index__"):
        return _by_index(infos, int(selector), layer_names, skipped)
    if callable(selector) and not isinstance(selector, type):
        return _by_predicate(infos, selector, selector)
    raise TypeError(f"a layer selector must be {_SELECTOR_KINDS}. Received: {selector!r} of {type(selector).__name__}")


def _by_index(
    infos: Sequence[LayerInfo], index: int, layer_names: Sequence[str], skipped: Mapping[str, str]
) -> set[str]:
    count = len(layer_names)
    if not -count <= index < count:
        raise IndexError(
            f"layer index {index} is out of range: model.layers has {count} layers, so expected "
            f"{-count} to {count - 1}. {_what_there_is(infos)}"
        )
    position = index % count
    found = {info.path for info in infos if info.index == position}
    if not found:
        name = layer_names[position]
        _refuse_skipped(name, f'layer index {index} ("{name}")', skipped)
        raise ValueError(
            f'layer index {index} ("{name}") has no output to show: the model\'s call does not use it. '
            f"{_what_there_is(infos)}"
        )
    return found


def _by_name(infos: Sequence[LayerInfo], name: str, skipped: Mapping[str, str]) -> set[str]:
    found = {info.path for info in infos if name in (info.path, info.name)}
    if not found:
        found = {info.path for info in infos if fnmatch.fnmatchcase(info.path, name)}
    if found:
        return found
    _refuse_skipped(name, f'layer "{name}"', skipped)
    known = list(dict.fromkeys([*(info.path for info in infos), *(info.name for info in infos)]))
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    suggestion = f' Did you mean "{nearest[0]}"?' if nearest else ""
    raise ValueError(f'no layer matches "{name}".{suggestion} {_what_there_is(infos)}')


def _refuse_skipped(name: str, what: str, skipped: Mapping[str, str]) -> None:
    """ValueError with the reason when the name or path is one that was skipped."""
    for path, reason in skipped.items():
        if name in (path, re.split("[#:]", path.rsplit("/", 1)[-1])[0]):
            raise ValueError(f"{what} cannot be captured: {reason}")


def _by_predicate(infos: Sequence[LayerInfo], wanted: Callable[[LayerInfo], Any], selector: Any) -> set[str]:
    found = {info.path for info in infos if wanted(info)}
    if not found:
        raise ValueError(f"no layer matches {selector!r}. {_what_there_is(infos)}")
    return found


def _what_there_is(infos: Sequence[LayerInfo]) -> str:
    return f"This model has:\n{LayerTable(infos)}"
