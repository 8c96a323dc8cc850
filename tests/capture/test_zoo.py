"""Every architecture of keras.applications, random weights, all layers, bit for bit Keras' own."""

import gc

import keras
import numpy as np
import pytest

from tb_activations import capture
from tests.capture.models import assert_same

# All of them take it, random weights given.
SIZE = 96
ARCHITECTURES = [name for name in dir(keras.applications) if name[0].isupper()]


def test_the_zoo_is_not_empty():
    assert {"ResNet50", "MobileNetV2", "NASNetLarge", "ConvNeXtTiny"} <= set(ARCHITECTURES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_of(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(SIZE, SIZE, 3), classes=10)
    images = np.random.default_rng(0).uniform(0, 255, (1, SIZE, SIZE, 3)).astype(np.float32)
    maps = capture(model, images, layers=lambda info: info.role != "input")
    computing = [op for op in model.operations if not isinstance(op, keras.layers.InputLayer)]
    assert set(maps.skipped) == set()
    assert {op.name for op in computing} <= set(maps)
    # In parts, so that not all outputs are held twice.
    for start in range(0, len(computing), 60):
        part = {op.name: op.output for op in computing[start : start + 60]}
        for path, expected in keras.Model(model.inputs, part).predict(images, verbose=0).items():
            assert_same(maps[path], expected)
    del model, maps
    keras.backend.clear_session()
    gc.collect()
