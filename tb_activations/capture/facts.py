"""Facts: what one traced call of a Keras model holds: every layer output with its `LayerInfo`, or why it is skipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tb_activations.capture.tap import Call
from tb_activations.schema import LayerInfo

_IN_A_LOOP = "it runs inside a loop or a branch, whose tensors cannot leave it"


@dataclasses.dataclass
class Facts:
    """infos: in execution order, inputs first. tensors: by path. containers: paths of nested models. same_as: path →
    earlier path that has the very same tensor. skipped: path → reason."""

    infos: list[LayerInfo] = dataclasses.field(default_factory=list)
    tensors: dict[str, Any] = dataclasses.field(default_factory=dict)
    containers: set[str] = dataclasses.field(default_factory=set)
    same_as: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)


def parameters(layer: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in layer.weights)


def read_facts(model: Any, calls: list[Call], result: Any, inputs: Mapping[str, Any]) -> Facts:
    """inputs: symbolic tensors by path. result: what the model returned. To be called in the graph of the trace."""
    graph = tf.compat.v1.get_default_graph()
    batch = next((tensor.shape[0] for tensor in inputs.values() if tensor.shape.rank), None)
    positions = {id(layer): index for index, layer in enumerate(model.layers)}
    input_layers = {layer.name: layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)}
    model_outputs = {id(tensor) for tensor in keras.tree.flatten(result)}
    facts = Facts()
    # Which output a tensor is: the innermost layer's, whose call returned first.
    path_of: dict[int, str] = {}
    seen = set()

    def add(path: str, tensor: Any, parents: tuple[str, ...], **known: Any) -> None:
        seen.add(id(tensor))
        reason = _why_not(tensor, graph)
        if reason is not None:
            facts.skipped[path] = reason
            return
        if id(tensor) in path_of:
            facts.same_as[path] = path_of[id(tensor)]
        path_of.setdefault(id(tensor), path)
        facts.tensors[path] = tensor
        facts.infos.append(
            LayerInfo(path=path, shape=_shape(tensor, batch), dtype=tensor.dtype.name, parents=parents, **known)
        )

    for path, tensor in inputs.items():
        layer = input_layers.get(path)
        seen.add(id(tensor))
        path_of[id(tensor)] = path
        facts.tensors[path] = tensor
        facts.infos.append(
            LayerInfo(
                path=path,
                name=path,
                index=None if layer is None else positions[id(layer)],
                class_name="InputLayer",
                shape=_shape(tensor, batch),
                dtype=tensor.dtype.name,
                role="input",
            )
        )
    for call in calls:
        if _is_in_an_rnn_loop(call):
            facts.skipped[call.path.split("#")[0]] = _IN_A_LOOP
            continue
        if call.calls_inside and isinstance(call.layer, keras.Model):
            facts.containers.add(call.path)
        # Before its own outputs are known, or a layer would be its own parent.
        parents = _parents(call.arguments, path_of)
        for suffix, tensor in _dense_leaves(call.outputs):
            add(
                _unused(f"{call.path}{suffix}", facts.tensors),
                tensor,
                parents,
                name=call.layer.name,
                index=positions.get(id(call.layer)) if call.parent is not None and call.parent.path == "" else None,
                class_name=type(call.layer).__name__,
                parameters=parameters(call.layer),
                activation=_activation(call.layer),
                role="output" if id(tensor) in model_outputs else "layer",
                data_format=getattr(call.layer, "data_format", None),
            )
    # What the model's own code made of its layers' outputs.
    for suffix, tensor in _dense_leaves(result):
        if id(tensor) not in seen:
            path = _unused(f"output{suffix}", facts.tensors)
            parents = _parents(tensor, path_of)
            add(path, tensor, parents, name=path, class_name=type(model).__name__, role="output")
    return facts


def _dense_leaves(outputs: Any) -> Iterator[tuple[str, Any]]:
    """(suffix, tensor) of each thing in what a layer returned: the first of several has none, then `:1`, or `:key`."""
    for where, tensor in keras.tree.flatten_with_path(outputs):
        if tensor is not None:
            name = ":".join(str(part) for part in where)
            yield ("" if name in ("", "0") else f":{name}"), tensor


def _unused(path: str, taken: Mapping[str, Any]) -> str:
    """The path, numbered when a model input or another layer has it: a layer may well be called "input"."""
    count, free = 0, path
    while free in taken:
        count += 1
        free = f"{path}#{count}"
    return free


def _is_in_an_rnn_loop(call: Call) -> bool:
    """Whether it is a cell's call. Keras calls it once more before its loop, for the shape, and drops the result."""
    parent = call.parent
    while parent is not None:
        if isinstance(parent.layer, keras.layers.RNN) and not parent.layer.unroll:
            return True
        parent = parent.parent
    return False


def _why_not(tensor: Any, graph: Any) -> str | None:
    if not isinstance(tensor, tf.Tensor):
        return f"its output is a {type(tensor).__name__}, not a dense tensor"
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool or tensor.dtype.is_complex):
        return f"its output holds {tensor.dtype.name}, not numbers"
    if getattr(tensor, "graph", graph) is not graph:
        return _IN_A_LOOP
    return None


def _shape(tensor: Any, batch: int | None) -> tuple[int | None, ...] | None:
    if tensor.shape.rank is None:
        return None
    shape = tuple(tensor.shape)
    return (None, *shape[1:]) if shape and shape[0] == batch else shape


def _activation(layer: Any) -> str | None:
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or getattr(function, "name", None)
    return None if name in (None, "linear") else str(name)


def _parents(arguments: Any, path_of: Mapping[int, str]) -> tuple[str, ...]:
    """Paths of the nearest recorded outputs that the arguments were computed from, walking the graph backwards."""
    waiting = [value for value in keras.tree.flatten(arguments) if isinstance(value, tf.Tensor)]
    seen: set[int] = set()
    parents: list[str] = []
    while waiting:
        tensor = waiting.pop(0)
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        path = path_of.get(id(tensor))
        if path is not None:
            parents.append(path)
        elif tf.is_symbolic_tensor(tensor):
            waiting.extend(tensor.op.inputs)
    return tuple(dict.fromkeys(parents))
