"""Tap: records the output of every Keras layer called in this thread while it is open."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_thread = threading.local()
_lock = threading.Lock()
_open_taps = 0
_layer_call: Any = None
_layer_remat: Any = None


@dataclasses.dataclass
class Call:
    """One layer call. path: nesting path with `#k`; arguments: what it was called with; outputs: what it returned;
    parent: the call it was made in."""

    path: str
    layer: Any
    arguments: Any
    parent: Call | None = None
    outputs: Any = None
    calls_inside: int = 0


class Tap:
    """The calls of one thread, in the order in which they returned; the outermost one, the model's, is left out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._stack: list[Call] = []
        self._times_called: dict[str, int] = {}

    def call(self, layer: Any, args: Any, kwargs: Any) -> Any:
        # Keras' shape inference runs layers in a scratch graph while it builds them: no call of the model's.
        if tf.compat.v1.get_default_graph().name.startswith("scratch_graph"):
            return _layer_call(layer, *args, **kwargs)
        parent = self._stack[-1] if self._stack else None
        if parent is None:
            path = ""
        else:
            path = f"{parent.path}/{layer.name}" if parent.path else layer.name
            times = self._times_called.get(path, 0)
            self._times_called[path] = times + 1
            path += f"#{times}" if times else ""
        call = Call(path, layer, (args, kwargs), parent)
        self._stack.append(call)
        before = len(self.calls)
        try:
            call.outputs = _layer_call(layer, *args, **kwargs)
        finally:
            self._stack.pop()
        call.calls_inside = len(self.calls) - before
        if self._stack:
            self.calls.append(call)
        return call.outputs


def _tapped_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    tap: Tap | None = getattr(_thread, "tap", None)
    # Another thread's training, which must not notice.
    if tap is None:
        return _layer_call(layer, *args, **kwargs)
    return tap.call(layer, args, kwargs)


def _tapped_remat(layer: Any, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
    # `RematScope` recomputes for the sake of gradients; in a tf.function its wrapper refuses keyword arguments, such as
    # training=False, and it would hide the inner layers' tensors.
    if getattr(_thread, "tap", None) is None:
        return _layer_remat(layer, layer_call, *args, **kwargs)
    return layer_call


@contextlib.contextmanager
def open_tap() -> Iterator[Tap]:
    """Record this thread's layer calls. `keras.layers.Layer.__call__` is replaced while any tap is open, and is what it
    was afterwards, whatever happens in between."""
    global _open_taps, _layer_call, _layer_remat
    with _lock:
        if _open_taps == 0:
            _layer_call = keras.layers.Layer.__call__
            _layer_remat = keras.layers.Layer.rematerialized_call
            keras.layers.Layer.__call__ = _tapped_call
            keras.layers.Layer.rematerialized_call = _tapped_remat
        _open_taps += 1
    outer = getattr(_thread, "tap", None)
    tap = _thread.tap = Tap()
    try:
        yield tap
    finally:
        _thread.tap = outer
        with _lock:
            _open_taps -= 1
            if _open_taps == 0:
                keras.layers.Layer.__call__ = _layer_call
                keras.layers.Layer.rematerialized_call = _layer_remat
