"""Every architecture of keras.applications, random weights, all layers, bit for bit Keras' own."""

import gc

import keras
import numpy as np
import pytest

from tb_activations import capture
from tests.capture.models import assert_same

# The smallest input, 96 or 224, that the architecture takes with its top.
SIZES = {
    "ConvNeXtBase": 96,
    "ConvNeXtLarge": 96,
    "ConvNeXtSmall": 96,
    "ConvNeXtTiny": 96,
    "ConvNeXtXLarge": 96,
    "DenseNet121": 96,
    "DenseNet169": 96,
    "DenseNet201": 96,
    "EfficientNetB0": 96,
    "EfficientNetB1": 96,
    "EfficientNetB2": 96,
    "EfficientNetB3": 96,
    "EfficientNetB4": 96,
    "EfficientNetB5": 96,
    "EfficientNetB6": 96,
    "EfficientNetB7": 96,
    "EfficientNetV2B0": 96,
    "EfficientNetV2B1": 96,
    "EfficientNetV2B2": 96,
    "EfficientNetV2B3": 96,
    "EfficientNetV2L": 96,
    "EfficientNetV2M": 96,
    "EfficientNetV2S": 96,
    "InceptionResNetV2": 96,
    "InceptionV3": 96,
    "MobileNet": 96,
    "MobileNetV2": 96,
    "MobileNetV3Large": 96,
    "MobileNetV3Small": 96,
    "NASNetLarge": 96,
    "NASNetMobile": 96,
    "ResNet101": 96,
    "ResNet101V2": 96,
    "ResNet152": 96,
    "ResNet152V2": 96,
    "ResNet50": 96,
    "ResNet50V2": 96,
    "VGG16": 96,
    "VGG19": 96,
    "Xception": 96,
}


def test_the_list_is_complete():
    applications = keras.applications
    there = {name for name in dir(applications) if name[0].isupper() and callable(getattr(applications, name))}
    assert there == set(SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_every_layer_of(name):
    size = SIZES[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    images = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
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
