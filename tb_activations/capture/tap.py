"""Tap: records the output of every Keras layer and operation called in this thread while it is open."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from tb_activations.capture.attention import scores_of_attention, scores_of_grouped_attention

_thread = threading.local()
_lock = threading.Lock()
_open_taps = 0
_originals: dict[tuple[type, str], Any] = {}


@dataclasses.dataclass
class Call:
    """One call of a layer or operation. path: nesting path with `#k`; arguments: what it was called with; outputs: what
    it returned; scores: attention scores it computed on the way; parent: the call it was made in."""

    path: str
    layer: Any
    arguments: Any
    parent: Call | None = None
    outputs: Any = None
    scores: Any = None
    calls_inside: int = 0


class Tap:
    """The calls of one thread, in the order in which they returned; the outermost one, the model's, is left out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._stack: list[Call] = []
        self._times_called: dict[str, int] = {}

    @property
    def is_in_a_call(self) -> bool:
        return bool(self._stack)

    @contextlib.contextmanager
    def unless_it_fails(self) -> Iterator[None]:
        """Forget the calls made in between when an exception ends them."""
        count, times_called = len(self.calls), dict(self._times_called)
        try:
            yield
        except BaseException:
            del self.calls[count:]
            self._times_called = times_called
            raise

    def call(self, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
        if _is_shape_inference(args, kwargs):
            return original(layer, *args, **kwargs)
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
            call.outputs = original(layer, *args, **kwargs)
        finally:
            self._stack.pop()
        call.calls_inside = len(self.calls) - before
        if self._stack:
            self.calls.append(call)
        return call.outputs

    def note_scores(self, layer: Any, scores: Any) -> None:
        """Attention scores, for the call in progress; those of a layer run by way of another one are not ours."""
        if self._stack and self._stack[-1].layer is layer:
            self._stack[-1].scores = scores


def _is_shape_inference(args: Any, kwargs: Any) -> bool:
    """Whether Keras runs a layer only to build it or to learn its shape: on symbols, or in a scratch graph."""
    graph = tf.compat.v1.get_default_graph()
    if isinstance(graph, tf.__internal__.FuncGraph) and graph.name.startswith("scratch_graph"):
        return True
    return any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten((args, kwargs)))


def _open() -> Tap | None:
    """This thread's tap. None in another thread's training, which must not notice."""
    return getattr(_thread, "tap", None)


def _layer_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    original, tap = _originals[keras.layers.Layer, "__call__"], _open()
    return original(layer, *args, **kwargs) if tap is None else tap.call(original, layer, args, kwargs)


def _operation_call(operation: Any, *args: Any, **kwargs: Any) -> Any:
    # `x + y` or `keras.ops.softmax(x)` in a functional model. A layer's call gets here as well, recorded already.
    original, tap = _originals[keras.Operation, "__call__"], _open()
    if tap is None or isinstance(operation, keras.layers.Layer):
        return original(operation, *args, **kwargs)
    return tap.call(original, operation, args, kwargs)


def _remat_call(layer: Any, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
    # `RematScope` recomputes for the sake of gradients; in a tf.function its wrapper refuses keyword arguments, such as
    # training=False, and it would hide the inner layers' tensors.
    if _open() is None:
        return _originals[keras.layers.Layer, "rematerialized_call"](layer, layer_call, *args, **kwargs)
    return layer_call


def _scored(owner: type, method: str, scores_of: Any) -> Any:
    """The attention method, with its scores noted on the way."""

    def scored(layer: Any, *args: Any, **kwargs: Any) -> Any:
        original, tap = _originals[owner, method], _open()
        result = original(layer, *args, **kwargs)
        if tap is not None and not _is_shape_inference(args, kwargs):
            # Computing scores anew calls inner layers, which are no calls of the model's.
            with _closed():
                scores = scores_of(original, layer, args, kwargs, result)
            tap.note_scores(layer, scores)
        return result

    return scored


def _function_call(function: Any, *args: Any, **kwargs: Any) -> Any:
    # A `call` decorated with tf.function would run in a graph of its own, perhaps one traced long before, where its
    # layers cannot be seen: its Python code becomes part of our trace, unless it needs AutoGraph. What XLA compiles is
    # left alone, because its code run otherwise rounds otherwise: Keras' own grouped convolutions, for one.
    original, tap = _originals[_TF_FUNCTION, "__call__"], _open()
    if tap is None or not tap.is_in_a_call or function._jit_compile:
        return original(function, *args, **kwargs)
    try:
        with tap.unless_it_fails():
            return function.python_function(*args, **kwargs)
    except tf.errors.OperatorNotAllowedInGraphError:
        return original(function, *args, **kwargs)


_TF_FUNCTION = type(tf.function(lambda: None))
_ATTENTION = keras.layers.MultiHeadAttention, "_compute_attention"
_GROUPED_ATTENTION = keras.layers.GroupQueryAttention, "_compute_attention"
_DOT_ATTENTION = keras.layers.Attention, "_apply_scores"
_REPLACEMENTS = {
    (keras.layers.Layer, "__call__"): _layer_call,
    (keras.Operation, "__call__"): _operation_call,
    (keras.layers.Layer, "rematerialized_call"): _remat_call,
    (_TF_FUNCTION, "__call__"): _function_call,
    _ATTENTION: _scored(*_ATTENTION, scores_of_attention),
    _GROUPED_ATTENTION: _scored(*_GROUPED_ATTENTION, scores_of_grouped_attention),
    # Also of `AdditiveAttention`. It returns (output, scores).
    _DOT_ATTENTION: _scored(*_DOT_ATTENTION, lambda original, layer, args, kwargs, result: result[1]),
}


@contextlib.contextmanager
def _closed() -> Iterator[None]:
    tap, _thread.tap = _thread.tap, None
    try:
        yield
    finally:
        _thread.tap = tap


@contextlib.contextmanager
def open_tap() -> Iterator[Tap]:
    """Record this thread's layer calls. Methods of Keras' classes and tf.function's (`_REPLACEMENTS`) are replaced
    while any tap is open, and are what they were afterwards, whatever happens in between."""
    global _open_taps
    outer, tap = _open(), Tap()
    with _lock:
        _open_taps += 1
    try:
        with _lock:
            if _open_taps == 1:
                _originals.update({key: getattr(*key) for key in _REPLACEMENTS})
                _set_methods(_REPLACEMENTS)
        _thread.tap = tap
        yield tap
    finally:
        _thread.tap = outer
        with _lock:
            _open_taps -= 1
            # `_originals` stays: another thread's call may be on its way through a replacement.
            if _open_taps == 0:
                _set_methods(_originals)


def _set_methods(methods: Mapping[tuple[type, str], Any]) -> None:
    for (owner, name), method in methods.items():
        setattr(owner, name, method)
