"""Keras: capture for Keras 3 models on the TensorFlow backend, by a tap inside one traced function."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tb_activations.capture import Capture, Plan, Prediction, RetraceWarning
from tb_activations.capture.building import build_as_fit_does
from tb_activations.capture.facts import Facts, parameters, read_facts
from tb_activations.capture.inputs import Inputs, prepare, symbolic
from tb_activations.capture.state import global_seeds, kept, kept_unless_built, written_variables
from tb_activations.capture.structure import Structure
from tb_activations.capture.tap import open_tap
from tb_activations.channels import Pick, channels_by_path
from tb_activations.schema import LayerInfo
from tb_activations.selection import Choices, select


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What one call of the model held, and which of it is wanted."""

    every_layer: tuple[LayerInfo, ...]
    chosen: tuple[LayerInfo, ...]
    skipped: Mapping[str, str]
    channels: Mapping[str, Pick]
    prediction: LayerInfo | None
    parameters: int
    """The model's, counted here because counting takes 4 ms on a ResNet50."""

    @property
    def inputs(self) -> tuple[LayerInfo, ...]:
        return tuple(info for info in self.every_layer if info.role == "input")


@dataclasses.dataclass(frozen=True)
class _Trace:
    """One traced function, and the variables that running it may change."""

    function: Any
    seen: _Seen
    written: tuple[Any, ...]


class KerasProbe:
    """Captures one model, tracing `model(inputs, training=…)` once per input signature (`traces` counts them).

    A model compiled with `run_eagerly=True` is run eagerly, as `fit` does. Arguments and errors as in
    `tb_activations.capture`.
    """

    def __init__(
        self, model: Any, *, layers: Any = None, exclude: Any = None, training: bool = False, channels: Any = None
    ) -> None:
        _check_model(model)
        self._model = model
        self._layers = layers
        self._exclude = exclude
        self._channels = channels
        self._training = training
        self._structure: Structure | None = None
        self._traces: dict[Any, _Trace] = {}
        self._built = False
        self._warned = False
        self.traces = 0

    def prepare(self, inputs: Any) -> Plan:
        prepared, tensors = self._prepared(inputs)
        if _runs_eagerly(self._model):
            seen, _ = self._run_eagerly(prepared, tensors, select_all=False)
        else:
            seen = self._trace(prepared, _specs(tensors), select_all=False).seen
        samples = max((tensor.shape[0] for tensor in tensors if tensor.shape.rank), default=0)
        scores = [info.shape[-1] for info in seen.every_layer if info.shape and _scores_classes(info)]
        classes = scores[0] if len(scores) == 1 else None
        return Plan(tuple(dict.fromkeys((*seen.inputs, *seen.chosen))), samples, seen.channels, classes)

    def __call__(self, inputs: Any) -> Capture:
        prepared, tensors = self._prepared(inputs)
        if _runs_eagerly(self._model):
            seen, outputs = self._run_eagerly(prepared, tensors, select_all=False)
        else:
            trace = self._trace(prepared, _specs(tensors), select_all=False)
            with kept(trace.written):
                seen, outputs = trace.seen, trace.function(*tensors)
        arrays = [_as_numpy(output) for output in outputs]
        prediction = None if seen.prediction is None else Prediction(seen.prediction, arrays.pop())
        return Capture(
            {info.path: array for info, array in zip(seen.chosen, arrays, strict=True)},
            seen.chosen,
            inputs=prepared.arrays(),
            input_layers=seen.inputs,
            skipped=seen.skipped,
            channels=seen.channels,
            prediction=prediction,
            model={
                "name": self._model.name,
                "class_name": type(self._model).__name__,
                "parameters": seen.parameters,
            },
            framework={"keras": keras.__version__, "tensorflow": tf.__version__},
        )

    def describe(self, inputs: Any = None) -> tuple[LayerInfo, ...]:
        """Every layer output there is, from a trace alone; inputs as in `list_layers`."""
        if inputs is not None:
            prepared, tensors = self._prepared(inputs)
            specs = _specs(tensors)
        else:
            known = symbolic(self._model)
            if known is None:
                raise ValueError(
                    f"{type(self._model).__name__} {self._model.name!r} does not know its input shape yet. "
                    "Show it a sample: list_layers(model, x[:1])"
                )
            prepared, specs = known
            tensors = []
        if _runs_eagerly(self._model) and tensors:
            return self._run_eagerly(prepared, tensors, select_all=True)[0].every_layer
        return self._trace(prepared, specs, select_all=True).seen.every_layer

    def _prepared(self, inputs: Any) -> tuple[Inputs, list[Any]]:
        prepared = prepare(self._model, inputs)
        if not self._built:
            self._built = True
            build_as_fit_does(self._model, prepared)
            # Built, a model may know its inputs and their names.
            prepared = prepare(self._model, inputs)
        return prepared, [_as_tensor(value) for value in prepared.values.values()]

    def _trace(self, inputs: Inputs, specs: list[Any], *, select_all: bool) -> _Trace:
        """The trace for these inputs; a new one where there is none, or where the model is another than it was."""
        changed = self._structure is not None and not self._structure.is_same(Structure(self._model, self._training))
        if changed:
            self._traces.clear()
        key = (select_all, inputs.form, tuple(inputs.values), tuple(specs))
        if key not in self._traces:
            if not select_all and self.traces:
                self._warn_of_retrace(changed, inputs, specs)
            self._traces[key] = self._make_trace(inputs, specs, select_all)
            self.traces += not select_all
            # Afterwards, because tracing builds what is not yet built.
            self._structure = Structure(self._model, self._training)
        return self._traces[key]

    def _make_trace(self, inputs: Inputs, specs: list[Any], select_all: bool) -> _Trace:
        # tf.function runs the body once more when the first run created variables: the last run's facts count.
        seen: list[_Seen] = []

        def body(*tensors: Any) -> list[Any]:
            one, outputs = self._observe(inputs, list(tensors), select_all)
            seen.append(one)
            return [tf.identity(output) for output in outputs]

        with kept_unless_built(self._model):
            function = tf.function(body, autograph=False).get_concrete_function(*specs)
        return _Trace(function, seen[-1], written_variables(function.graph))

    def _run_eagerly(self, inputs: Inputs, tensors: list[Any], *, select_all: bool) -> tuple[_Seen, list[Any]]:
        # Only a graph tells in advance what it will write.
        variables = [variable.value for variable in self._model.variables]
        with kept_unless_built(self._model), kept([*variables, *global_seeds()]):
            return self._observe(inputs, tensors, select_all)

    def _observe(self, inputs: Inputs, tensors: list[Any], select_all: bool) -> tuple[_Seen, list[Any]]:
        """Call the model; what it held, and the chosen outputs."""
        with open_tap() as tap:
            result = self._model(inputs.pack(tensors), training=self._training)
        facts = read_facts(self._model, tap.calls, result, dict(zip(inputs.values, tensors, strict=True)))
        seen = self._seen(facts, select_all)
        wanted = [*seen.chosen, *filter(None, [seen.prediction])]
        return seen, [facts.tensors[info.path] for info in wanted]

    def _seen(self, facts: Facts, select_all: bool) -> _Seen:
        every_layer = tuple(facts.infos)
        if select_all:
            return _Seen(every_layer, (), facts.skipped, {}, None, 0)
        choices = Choices(
            facts.infos,
            layer_names=[layer.name for layer in self._model.layers],
            types=facts.types,
            containers=facts.containers,
            same_as=facts.same_as,
            skipped=facts.skipped,
        )
        chosen = select(choices, self._layers, self._exclude)
        channels = channels_by_path(choices, chosen, self._channels)
        prediction = next(filter(_scores_classes, every_layer), None)
        return _Seen(every_layer, chosen, facts.skipped, channels, prediction, parameters(self._model))

    def _warn_of_retrace(self, changed: bool, inputs: Inputs, specs: list[Any]) -> None:
        if self._warned:
            return
        self._warned = True
        if changed:
            cause = "its layers, number types, activations or variables are not the ones traced before"
        else:
            shapes = ", ".join(f"{p}: {s.dtype.name} {s.shape}" for p, s in zip(inputs.values, specs, strict=True))
            cause = f"the inputs' structure, shape or type is new ({shapes}); keep it fixed to save the time"
        warnings.warn(
            f"tb_activations: the model {self._model.name!r} has to be traced again, because {cause}. "
            "This is said once.",
            RetraceWarning,
            stacklevel=4,
        )


def _scores_classes(info: LayerInfo) -> bool:
    """Whether it is an output [batch, classes]."""
    is_float = "float" in info.dtype
    return info.role == "output" and is_float and len(info.shape or ()) == 2 and (info.shape or (0,))[0] is None


def _runs_eagerly(model: Any) -> bool:
    return bool(getattr(model, "run_eagerly", False)) or tf.config.functions_run_eagerly()


def _specs(tensors: list[Any]) -> list[Any]:
    return [tf.type_spec_from_value(tensor) for tensor in tensors]


def _as_tensor(value: Any) -> Any:
    return tf.convert_to_tensor(value) if isinstance(value, np.ndarray) else value


def _as_numpy(tensor: Any) -> np.ndarray:
    """The tensor's values, read-only and without a copy where NumPy knows the type: copying all layers of a ResNet50
    takes as long as computing them. The buffer lives as long as the array, and TensorFlow never writes to a shared one.
    """
    if tensor.dtype in _SHARED_TYPES:
        return np.asarray(memoryview(tensor))
    if tensor.dtype == tf.bfloat16:
        # Python's buffers have no name for the type, but its bytes can be shared.
        return np.asarray(memoryview(tf.bitcast(tensor, tf.uint16))).view(tensor.dtype.as_numpy_dtype)
    values: np.ndarray = tensor.numpy()
    return values


_SHARED_TYPES = frozenset(
    (tf.float16, tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.bool)
)


def _check_model(model: Any) -> None:
    if isinstance(model, keras.callbacks.History):
        raise TypeError(
            "model is a History: fit() returns a record of metrics, not the model. "
            "The model is the variable that fit was called on: history = model.fit(…); capture(model, x)"
        )
    if not isinstance(model, keras.Model):
        received = f"an array of shape {model.shape}" if hasattr(model, "shape") else repr(model)
        raise TypeError(
            "model must be a Keras 3 model (keras.Model), and comes before the inputs. "
            f"Received: {received} of {type(model).__name__}"
        )
    if type(model).call is keras.Model.call:
        parts = ", ".join(layer.name for layer in model.layers) or "none"
        raise ValueError(
            f"{type(model).__name__} {model.name!r} has no call(): it can be trained, but not run on inputs. "
            f"Capture one of its parts instead, as in capture(model.generator, z), or give it a call(). "
            f"Its parts: {parts}"
        )
