"""Channels: what a person may ask for, per layer or for all, and what is drawn."""

import keras
import numpy as np
import pytest

from tb_activations import ActivationWarning, ActivationWriter, read_atlas
from tb_activations.channels import as_json
from tests.test_callback import logged


def headers(directory, tag):
    return [read_atlas(png) for pictures in logged(directory, tag).values() for png in pictures[2:]]


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(1, 5, 5, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (3, [3]),
        ([5, 0], [5, 0]),
        (np.array([2, -1]), [2, 7]),
        (slice(6, None), [6, 7]),
        (slice(None, None, -4), [7, 3]),
        ({"conv*": [1]}, [1]),
        ({"*": 0, "conv": slice(2, 4)}, [2, 3]),
        (range(2, 20), [2, 3, 4, 5, 6, 7]),
        ([100], [0, 1, 2, 3, 4, 5, 6, 7]),
        (None, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_chosen_channels_are_drawn_in_the_given_order(tmp_path, maps, channels, expected):
    with ActivationWriter(tmp_path, channels=channels) as writer:
        writer.write({"conv": maps}, 0)
    [atlas] = headers(tmp_path, "conv/image")
    assert list(atlas.header.channels) == expected
    np.testing.assert_allclose(atlas.values, np.moveaxis(maps[0], -1, 0)[expected], atol=np.ptp(maps) / 255)


def test_statistics_and_histograms_keep_every_channel(tmp_path, maps):
    with ActivationWriter(tmp_path, channels=[0]) as writer:
        writer.write({"conv": maps}, 0)
    [statistics] = logged(tmp_path, "conv/statistics").values()
    assert len(statistics) == 8
    [histogram] = logged(tmp_path, "conv/histogram").values()
    assert histogram[:, 2].sum() == maps.size


def test_any_selector_names_the_layers_of_a_mapping(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3, name="a"), keras.layers.Conv2D(4, 3, name="b")]
    )
    with ActivationWriter(tmp_path, channels={keras.layers.Conv2D: [0], -1: [3, 2]}) as writer:
        writer.log(model, np.ones((1, 8, 8, 3), np.float32), 0)
    assert [a.header.channels for tag in ("a/image", "b/image") for a in headers(tmp_path, tag)] == [(0,), (3, 2)]


def test_a_channel_that_arrays_do_not_have_is_said_and_the_first_ones_are_drawn(tmp_path, maps):
    words = "choosing channels at step 0.*layer 'conv' has 8 channels, so channels must be from -8 to 7"
    with pytest.warns(ActivationWarning, match=words), ActivationWriter(tmp_path, channels={"conv": 9}) as writer:
        writer.write({"conv": maps}, 0)
    [atlas] = headers(tmp_path, "conv/image")
    assert list(atlas.header.channels) == list(range(8))


def test_functions_and_classes_are_noted_by_name():
    def is_wide(info):
        return True

    assert as_json({is_wide: 0, keras.layers.Dense: 1, "conv": 2}) == {"is_wide": [0], "Dense": [1], "conv": [2]}


def test_a_layers_other_output_may_have_fewer_channels_than_were_asked_for(tmp_path):
    x = keras.Input((10, 12))
    y, scores = keras.layers.MultiHeadAttention(3, 4, name="mha")(x, x, return_attention_scores=True)
    model = keras.Model(x, [y, scores])
    with ActivationWriter(tmp_path, channels={"mha": [7, 1]}, strict=True) as writer:
        writer.log(model, np.ones((1, 10, 12), np.float32), 0)
    [output], [heads] = headers(tmp_path, "mha/image"), headers(tmp_path, "mha:scores/image")
    assert (output.header.channels, heads.header.channels) == ((7, 1), (1,))
