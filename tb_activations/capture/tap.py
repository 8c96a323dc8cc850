"""Tap: records the output of every Keras layer called in this thread while it is open."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import keras

_thread = threading.local()
_lock = threading.Lock()
_open_taps = 0
_layer_call: Any = None


@dataclasses.dataclass
class Call:
    """One layer call. path: nesting path with `#k`; arguments: what it was called with; outputs: what it returned."""

    path: str
    layer: Any
    arguments: Any
    outputs: Any = None
    calls_inside: int = 0


class Tap:
    """The calls of one thread, in the order in which they returned; the outermost one, the model's, is left out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._stack: list[Call] = []
        self._times_called: dict[str, int] = {}

    def call(self, layer: Any, args: Any, kwargs: Any) -> Any:
        if not self._stack:
            path = ""
        else:
            parent = self._stack[-1].path
            path = f"{parent}/{layer.name}" if parent else layer.name
            times = self._times_called.get(path, 0)
            self._times_called[path] = times + 1
            path += f"#{times}" if times else ""
        call = Call(path, layer, (args, kwargs))
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


@contextlib.contextmanager
def open_tap() -> Iterator[Tap]:
    """Record this thread's layer calls. `keras.layers.Layer.__call__` is replaced while any tap is open, and is what it
    was afterwards, whatever happens in between."""
    global _open_taps, _layer_call
    with _lock:
        if _open_taps == 0:
            _layer_call = keras.layers.Layer.__call__
            keras.layers.Layer.__call__ = _tapped_call
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
