"""Selection: what the user asked for → which layers, and which of their channels; "did you mean"."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tb_activations.schema import LayerInfo
from tb_activations.table import LayerTable

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

_SELECTOR_KINDS = (
    "an integer (an index into model.layers), a layer name or path, a glob such as 'block*', a preset "
    '("conv", "dense", "attention", "outputs", "all"), a compiled pattern, a layer class, a predicate on LayerInfo, '
    "or a list of these"
)


@dataclasses.dataclass(frozen=True)
class Choices:
    """What there is to choose from.

    infos: every capturable output, in execution order; layer_names: of `model.layers`, which integers index;
    types: path → the layer's class; containers: paths of nested models, whose output is that of a layer inside;
    same_as: path → earlier path with the very same values (dropout at inference, say); skipped: path → why it cannot
    be seen.
    """

    infos: Sequence[LayerInfo]
    layer_names: Sequence[str] = ()
    types: Mapping[str, type] = dataclasses.field(default_factory=dict)
    containers: Collection[str] = ()
    same_as: Mapping[str, str] = dataclasses.field(default_factory=dict)
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def class_names(self, info: LayerInfo) -> set[str]:
        """Of the layer's class and its bases."""
        layer_type = self.types.get(info.path)
        return {info.class_name} if layer_type is None else {base.__name__ for base in layer_type.__mro__}

    @property
    def listing(self) -> str:
        return f"This model has:\n{LayerTable(self.infos)}"


def _is_of(pattern: str) -> Callable[[Choices, LayerInfo], bool]:
    compiled = re.compile(pattern)
    return lambda choices, info: any(compiled.search(name) for name in choices.class_names(info))


PRESETS: Mapping[str, Callable[[Choices, LayerInfo], bool]] = {
    "conv": _is_of("Conv"),
    "dense": _is_of("Dense$"),
    "attention": _is_of("Attention"),
    "outputs": lambda choices, info: info.role == "output",
    "all": lambda choices, info: info.role != "input",
}
"""A layer that really has such a name wins over the preset."""


def select(choices: Choices, layers: Any = None, exclude: Any = None) -> tuple[LayerInfo, ...]:
    """The layers asked for, in execution order; by default every layer that computes something.

    Raises ValueError for a selector that matches nothing and for an empty selection, IndexError for an index out of
    range, TypeError for a selector of another kind.
    """
    chosen = _default(choices) if layers is None else matching(choices, layers)
    if exclude is not None:
        chosen = chosen - matching(choices, exclude)
    if not chosen:
        raise ValueError(f"no layer is selected. {choices.listing}")
    return tuple(info for info in choices.infos if info.path in chosen)


def _default(choices: Choices) -> set[str]:
    chosen = {
        info.path
        for info in choices.infos
        if info.role != "input" and info.class_name not in _PASSIVE_CLASSES and info.path not in choices.containers
    }
    for info in choices.infos:
        if info.role == "output" and choices.same_as.get(info.path) not in chosen:
            chosen.add(info.path)
    return chosen


def matching(choices: Choices, selector: Any) -> set[str]:
    """Paths that a selector, or any in a list of them, matches; errors as in `select`."""
    if isinstance(selector, np.ndarray):
        return matching(choices, selector.tolist())
    if isinstance(selector, (list, tuple, set, frozenset, range)):
        return set().union(*(matching(choices, one) for one in selector))
    if isinstance(selector, bool):
        raise TypeError(f"a layer selector must be {_SELECTOR_KINDS}. Received: {selector!r}")
    if isinstance(selector, str):
        return _by_name(choices, selector)
    if isinstance(selector, re.Pattern):
        return _by_predicate(choices, lambda info: bool(selector.search(info.path)), f"{selector!r}")
    if isinstance(selector, type):
        return _by_predicate(
            choices,
            lambda info: issubclass(choices.types.get(info.path, object), selector),
            f"the class {selector.__name__}",
        )
    if hasattr(selector, "__index__"):
        return _by_index(choices, int(selector))
    name = getattr(selector, "name", None)
    if isinstance(name, str) and hasattr(selector, "get_config"):
        # A layer itself, which is callable too.
        return _by_name(choices, name)
    if callable(selector):
        return _by_predicate(choices, selector, f"{selector!r}")
    raise TypeError(f"a layer selector must be {_SELECTOR_KINDS}. Received: {selector!r} of {type(selector).__name__}")


def _by_index(choices: Choices, index: int) -> set[str]:
    count = len(choices.layer_names)
    if not -count <= index < count:
        raise IndexError(
            f"layer index {index} is out of range: model.layers has {count} layers, so expected "
            f"{-count} to {count - 1}. {choices.listing}"
        )
    position = index % count
    found = {info.path for info in choices.infos if info.index == position}
    if not found:
        name = choices.layer_names[position]
        _refuse_skipped(choices, name, f'layer index {index} ("{name}")')
        raise ValueError(
            f'layer index {index} ("{name}") has no output to show: the model\'s call does not use it. '
            f"{choices.listing}"
        )
    return found


def _by_name(choices: Choices, name: str) -> set[str]:
    found = {info.path for info in choices.infos if name in (info.path, info.name)}
    if found:
        return found
    if name in PRESETS:
        return _by_predicate(choices, lambda info: PRESETS[name](choices, info), f'the preset "{name}"')
    found = {info.path for info in choices.infos if fnmatch.fnmatchcase(info.path, name)}
    if found:
        return found
    _refuse_skipped(choices, name, f'layer "{name}"')
    raise ValueError(f'no layer matches "{name}".{_suggestion(choices, name)} {choices.listing}')


def _suggestion(choices: Choices, name: str) -> str:
    if any(name in choices.class_names(info) for info in choices.infos):
        return f" That is a class of layers: give the class itself, {name}, not its name."
    known = [*(info.path for info in choices.infos), *(info.name for info in choices.infos), *PRESETS]
    # The first of several that differ in case alone.
    by_lower = {one.lower(): one for one in reversed(known)}
    nearest = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f' Did you mean "{by_lower[nearest[0]]}"?' if nearest else ""


def _refuse_skipped(choices: Choices, name: str, what: str) -> None:
    """ValueError with the reason when the name or path is one that was skipped."""
    for path, reason in choices.skipped.items():
        if name in (path, re.split("[#:]", path.rsplit("/", 1)[-1])[0]):
            raise ValueError(f"{what} cannot be captured: {reason}")


def _by_predicate(choices: Choices, wanted: Callable[[LayerInfo], Any], what: str) -> set[str]:
    found = {info.path for info in choices.infos if wanted(info)}
    if not found:
        raise ValueError(f"no layer matches {what}. {choices.listing}")
    return found
