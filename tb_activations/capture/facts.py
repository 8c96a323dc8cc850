"""Facts: what one call of a Keras model holds: every layer output with its `LayerInfo`, or why it is skipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tb_activations.capture.tap import Call
from tb_activations.capture.tensors import IN_A_LOOP, dense, main_component, named_leaves
from tb_activations.schema import LayerInfo

_SCORES = ":scores"


@dataclasses.dataclass
class Facts:
    """infos: in execution order, inputs first. tensors: by path. types: the layers' classes, by path.
    containers: paths of nested models. same_as: path →
    earlier path that has the very same tensor. skipped: path → reason."""

    infos: list[LayerInfo] = dataclasses.field(default_factory=list)
    tensors: dict[str, Any] = dataclasses.field(default_factory=dict)
    types: dict[str, type] = dataclasses.field(default_factory=dict)
    containers: set[str] = dataclasses.field(default_factory=set)
    same_as: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)


def parameters(layer: Any) -> int:
    """How many numbers the layer's weights hold; an operation has none."""
    return sum(int(np.prod(weight.shape)) for weight in getattr(layer, "weights", ()))


def read_facts(model: Any, calls: list[Call], result: Any, inputs: Mapping[str, Any]) -> Facts:
    """inputs: tensors by path. result: what the model returned. To be called in the graph of the trace, or eagerly."""
    graph = tf.compat.v1.get_default_graph()
    batch = next((tensor.shape[0] for tensor in inputs.values() if tensor.shape.rank), None)
    positions = {id(layer): index for index, layer in enumerate(model.layers)}
    input_layers = {layer.name: layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)}
    model_outputs = {id(value) for value in keras.tree.flatten(result)}
    facts = Facts()
    # Which output a tensor is: the innermost layer's, whose call returned first.
    path_of: dict[int, str] = {}
    # Every value met, kept alive so that no later one gets its identity.
    seen: dict[int, Any] = {}

    def add(path: str, value: Any, parents: tuple[str, ...], layer_type: type, **known: Any) -> None:
        seen[id(value)] = value
        main = main_component(value)
        tensor, reason = dense(value, graph)
        if reason is not None:
            facts.skipped[path] = reason
        else:
            if id(main) in path_of:
                facts.same_as[path] = path_of[id(main)]
            facts.tensors[path] = tensor
            facts.types[path] = layer_type
            facts.infos.append(
                LayerInfo(path=path, shape=_shape(tensor, batch), dtype=tensor.dtype.name, parents=parents, **known)
            )
        if reason is None or known.get("role") == "input":
            path_of.setdefault(id(main), path)

    for path, value in inputs.items():
        layer = input_layers.get(path)
        index = None if layer is None else positions[id(layer)]
        add(path, value, (), keras.layers.InputLayer, name=path, index=index, class_name="InputLayer", role="input")
    for call in calls:
        looped = _path_in_an_rnn_loop(call)
        if looped is not None:
            facts.skipped[looped] = IN_A_LOOP
            continue
        if call.calls_inside and isinstance(call.layer, keras.Model):
            facts.containers.add(call.path)
        # Before its own outputs are known, or a layer would be its own parent.
        parents = _parents(call.arguments, path_of)
        for suffix, value in _leaves(call):
            add(
                _unused(f"{call.path}{suffix}", facts.tensors),
                value,
                parents,
                type(call.layer),
                name=call.layer.name,
                index=positions.get(id(call.layer)) if call.parent is not None and call.parent.path == "" else None,
                class_name=type(call.layer).__name__,
                parameters=parameters(call.layer),
                activation=_activation(call.layer),
                role="output" if id(value) in model_outputs else "layer",
                # Of a head's scores, rows are queries and columns keys.
                data_format="channels_first" if suffix == _SCORES else getattr(call.layer, "data_format", None),
            )
    # What the model's own code made of its layers' outputs.
    for suffix, value in named_leaves(result):
        if id(value) not in seen:
            path = _unused(f"output{suffix}", facts.tensors)
            parents = _parents(value, path_of)
            add(path, value, parents, type(model), name=path, class_name=type(model).__name__, role="output")
    called = {id(call.layer) for call in calls}
    facts.skipped.update({p: why for p, why in _never_called(model, called).items() if p not in facts.skipped})
    return facts


def _leaves(call: Call) -> Iterator[tuple[str, Any]]:
    """The call's outputs by suffix; its attention scores are always `:scores`, whether it returned them or not."""
    scores_returned = call.scores is None
    for suffix, value in named_leaves(call.outputs):
        if value is call.scores:
            scores_returned = True
            yield _SCORES, value
        else:
            yield suffix, value
    if not scores_returned:
        yield _SCORES, call.scores


def _never_called(model: Any, called: Collection[int]) -> dict[str, str]:
    """Layers with weights that made no call, by path, and why: `.skipped` must not leave them out."""
    reasons: dict[str, str] = {}
    visited: set[int] = set()

    def visit(owner: Any, path: str) -> bool:
        """Whether the owner or a layer in it was called; notes the topmost ones that were not."""
        visited.add(id(owner))
        any_called = id(owner) in called
        notes: dict[str, str] = {}
        for layer in owner._flatten_layers(include_self=False, recursive=False):
            if id(layer) in visited:
                continue
            inner = f"{path}/{layer.name}" if path else layer.name
            if visit(layer, inner):
                any_called = True
            # Keras' own layers also hold parts without weights that they seldom need.
            elif layer.weights or not (layer.built or _is_keras_own(owner)):
                notes[inner] = _reason(owner, path)
        if any_called or owner is model:
            reasons.update(notes)
        return any_called

    visit(model, "")
    return reasons


def _is_keras_own(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.")


def _reason(owner: Any, path: str) -> str:
    if isinstance(owner, keras.layers.TimeDistributed):
        return f"TimeDistributed runs it without calling it; all its steps together are the output of {path!r}"
    return "it was not called: the model does not use it here, or runs it inside a tf.function that needs AutoGraph"


def _unused(path: str, taken: Mapping[str, Any]) -> str:
    """The path, numbered when a model input or another layer has it: a layer may well be called "input"."""
    count, free = 0, path
    while free in taken:
        count += 1
        free = f"{path}#{count}"
    return free


def _path_in_an_rnn_loop(call: Call) -> str | None:
    """A cell's path, whatever the time step; None for a call that is in no loop. Keras calls a cell once more before
    its loop, for the shape, and drops the result."""
    names, parent = [call.layer.name], call.parent
    while parent is not None:
        if isinstance(parent.layer, keras.layers.RNN) and not parent.layer.unroll:
            return "/".join([*([parent.path] if parent.path else []), *reversed(names)])
        names.append(parent.layer.name)
        parent = parent.parent
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
    waiting = [
        part
        for value in keras.tree.flatten(arguments)
        if tf.is_tensor(value)
        for part in tf.nest.flatten(value, expand_composites=True)
    ]
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
