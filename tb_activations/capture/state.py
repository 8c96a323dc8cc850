"""State: what a forward pass moves, and how it is put back as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR


@contextlib.contextmanager
def kept(variables: Iterable[Any]) -> Iterator[None]:
    """Variables have the values they had before, afterwards."""
    variables = list(variables)
    before = [variable.read_value() for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def global_seeds() -> list[Any]:
    """The variable of Keras' global seed generator; none yet when nothing has drawn from it, and asking Keras for it
    would draw its seed."""
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    return [] if generator is None else [generator.state.value]


@contextlib.contextmanager
def kept_unless_built(model: Any) -> Iterator[None]:
    """Python's and NumPy's random streams, and the losses that layers collect, are as before afterwards.

    Not the streams when the model is built in between, or Keras' global seed is made: `fit` would have drawn the seeds
    just the same.
    """
    count, seeds = len(model.variables), global_seeds()
    python, numpy = random.getstate(), np.random.get_state()
    losses = [(layer, list(layer._losses), set(layer._loss_ids)) for layer in model._flatten_layers()]
    try:
        yield
    finally:
        if len(model.variables) == count and len(global_seeds()) == len(seeds):
            random.setstate(python)
            np.random.set_state(numpy)
        known = {id(layer) for layer, _, _ in losses}
        losses += [(layer, [], set()) for layer in model._flatten_layers() if id(layer) not in known]
        for layer, own, ids in losses:
            layer._losses[:] = own
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)


_READING_OPS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "Identity"})


def written_variables(graph: Any) -> tuple[Any, ...]:
    """The graph's variables that running it may change: a layer that draws random numbers moves its seed, training mode
    moves statistics, and `SpectralNormalization` its weights.

    A loop's or branch's use of a variable looks the same whether it reads or writes. For trainable ones it counts only
    when something in the graph's functions assigns at all, which spares a copy of the weights that an LSTM reads.
    """
    uses: dict[int, set[str]] = {}
    for op in graph.get_operations():
        for tensor in op.inputs:
            if tensor.dtype == tf.resource:
                uses.setdefault(id(tensor), set()).add(op.type)
    used_by = {id(outer): uses.get(id(inner), set()) - _READING_OPS for outer, inner in graph.captures}
    inner_writes = any(ops for ops in used_by.values()) and _assigns_in_functions(graph)

    def may_change(variable: Any) -> bool:
        ops = used_by.get(id(variable.handle), set())
        return bool(ops) and (not variable.trainable or inner_writes or any(op.startswith("Assign") for op in ops))

    return tuple(variable for variable in graph.variables if may_change(variable))


def _assigns_in_functions(graph: Any) -> bool:
    library = graph.as_graph_def().library
    return any(node.op.startswith("Assign") for function in library.function for node in function.node_def)
