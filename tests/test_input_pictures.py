"""Input pictures: what a wrong `input_image` is told."""

import types

import numpy as np
import pytest

from tb_activations.input_pictures import pictures_of
from tb_activations.training_batch import TrainingBatch

INPUTS = {"photo": np.zeros((2, 6, 5, 3)), "depth": np.zeros((2, 6, 5, 1))}


@pytest.mark.parametrize(
    ("input_image", "words"),
    [
        (lambda x: x, r"the model has 2 inputs \(photo, depth\), so input_image must be a mapping"),
        ({"foto": lambda x: x}, r"input_image must name inputs of the model \(photo, depth\)\. Received: \['foto'\]"),
        ({"photo": lambda x: x[0]}, r"must return pictures \[2, height, width, 1, 3 or 4\] for the input 'photo'"),
        ({"photo": lambda x: x[..., :2]}, r"Received: \(2, 6, 5, 2\)"),
    ],
)
def test_a_wrong_input_image_is_told_what_would_be_right(input_image, words):
    with pytest.raises(ValueError, match=words):
        pictures_of(INPUTS, input_image)


def test_grey_pictures_need_no_channel_axis_and_others_stay_as_they_are():
    pictures = pictures_of(INPUTS, {"depth": lambda x: x[..., 0] + 1})
    assert set(pictures) == {"depth"}
    assert pictures["depth"].shape == (2, 6, 5, 1)


def test_a_function_that_works_in_place_does_not_change_the_probe():
    def undo(x):
        x += 1
        return x

    photos = {"photo": np.zeros((1, 2, 2, 3))}
    assert pictures_of(photos, undo)["photo"].max() == 1
    assert photos["photo"].max() == 0


def test_a_training_batch_of_several_replicas_is_refused():
    model = types.SimpleNamespace(distribute_strategy=types.SimpleNamespace(num_replicas_in_sync=2))
    with pytest.raises(ValueError, match=r'probe="batch" needs training on one replica\. Received: a model on 2'):
        TrainingBatch(3).attach(model)
