"""Channels: which channels of which layer are drawn, from what the user asked for."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from tb_activations.schema import LayerInfo
from tb_activations.selection import Choices, matching

Pick = slice | tuple[int, ...]
"""Channels of one layer, in the order in which they are drawn."""

_EXPECTED = "an index, a list of indices, a slice, or a mapping of layer selectors to these"


def check_channels(channels: Any) -> None:
    """Raises TypeError or ValueError for what can be no choice of channels of any model."""
    for pick in channels.values() if isinstance(channels, Mapping) else [channels]:
        if pick is not None:
            _pick(pick)


def channels_by_path(choices: Choices, chosen: Sequence[LayerInfo], channels: Any) -> dict[str, Pick]:
    """Channels by path, for the layers that do not draw the first ones.

    choices: what the selectors of a mapping are looked up in; chosen: the layers that are drawn. Indices for all
    layers count only where a layer has them; those for one layer have to fit it. Raises ValueError when they do not,
    and as `selection.matching` for a selector.
    """
    if channels is None:
        return {}
    picks: dict[str, Pick] = {}
    if isinstance(channels, Mapping):
        for selector, asked in channels.items():
            paths = matching(choices, selector)
            for info in chosen:
                if info.path not in paths or asked is None:
                    continue
                # A path that is also its layer's name brings the layer's other outputs (attention scores, say), which
                # may have fewer channels.
                if selector in paths and info.path != selector:
                    of_other = _shared(_pick(asked), channel_count(info))
                    if of_other is not None:
                        picks[info.path] = of_other
                else:
                    picks[info.path] = _fitting(info, _pick(asked), asked)
        return picks
    pick = _pick(channels)
    for info in chosen:
        shared = _shared(pick, channel_count(info))
        if info.role != "input" and shared is not None:
            picks[info.path] = shared
    return picks


def channel_count(info: LayerInfo) -> int | None:
    """How many channels (or units) a layer's output has; None when it is unknown or there is but one value."""
    if info.shape is None or len(info.shape) < 2:
        return None
    first = info.data_format == "channels_first" and len(info.shape) > 2
    return info.shape[1] if first else info.shape[-1]


def as_json(channels: Any) -> Any:
    """The choice as the manifest's options hold it."""
    if isinstance(channels, Mapping):
        return {_selector_text(selector): as_json(asked) for selector, asked in channels.items()}
    if channels is None:
        return None
    pick = _pick(channels)
    return str(pick) if isinstance(pick, slice) else list(pick)


def _selector_text(selector: Any) -> str:
    """A function or a class by its name: the address in its `str` is another one in each process."""
    return str(selector) if not callable(selector) else getattr(selector, "__name__", type(selector).__name__)


def _pick(asked: Any) -> Pick:
    try:
        if isinstance(asked, slice):
            for end in (asked.start, asked.stop, asked.step):
                if end is not None:
                    operator.index(end)
            return asked
        if isinstance(asked, (bool, str, bytes)):
            raise TypeError
        # An array claims to be an index too.
        is_one = hasattr(asked, "__index__") and not hasattr(asked, "__len__")
        indices = (operator.index(asked),) if is_one else tuple(map(operator.index, asked))
    except TypeError:
        raise TypeError(f"channels must be {_EXPECTED}. Received: {asked!r}") from None
    if not indices:
        raise ValueError(f"channels must name at least one channel. Received: {asked!r}")
    return indices


def _shared(pick: Pick, count: int | None) -> Pick | None:
    """What of the pick a layer of so many channels has; None for nothing."""
    if count is None:
        return None
    if isinstance(pick, slice):
        return pick if range(count)[pick] else None
    return tuple(index for index in pick if -count <= index < count) or None


def _fitting(info: LayerInfo, pick: Pick, asked: Any) -> Pick:
    count = channel_count(info)
    if count is None:
        raise ValueError(f"layer {info.path!r} has no channels to choose from: its shape is {info.shape}")
    shared = _shared(pick, count)
    if shared is None or shared != pick:
        raise ValueError(
            f"layer {info.path!r} has {count} channels, so channels must be from {-count} to {count - 1}. "
            f"Received: {asked!r}"
        )
    return pick
