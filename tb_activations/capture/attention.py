"""Attention scores: what Keras' attention layers weigh their values with, also where they do not return it.

Each function is given one call of a layer's own attention method and what it returned, and answers with the scores,
[batch, heads, query, key]: after mask and softmax, before dropout, exactly what `return_attention_scores=True` gives.
They neither draw random numbers nor change what the layer returns. In a traced function, scores that nobody selects
are never computed. With flash attention, which the TensorFlow backend refuses, there would be none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def scores_of_attention(
    original: Callable[..., Any], layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: tuple[Any, Any]
) -> Any:
    """Of `MultiHeadAttention._compute_attention`, whose fused kernel (taken without dropout) computes none."""
    if result[1] is not None:
        return result[1]
    call = inspect.signature(original).bind(layer, *args, **kwargs)
    call.arguments["return_attention_scores"] = True
    return original(*call.args, **call.kwargs)[1]


def scores_of_grouped_attention(
    original: Callable[..., Any], layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: tuple[Any, Any]
) -> Any:
    """Of `GroupQueryAttention._compute_attention`, which is told by an attribute whether scores are wanted."""
    if result[1] is not None:
        return result[1]
    # A stand-in with the layer's own parts: the layer itself may be in use by another thread.
    asking = object.__new__(type(layer))
    asking.__dict__.update(layer.__dict__)
    asking.__dict__["_return_attention_scores"] = True
    return original(asking, *args, **kwargs)[1]
