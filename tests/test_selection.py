"""Selection: what was asked for, what it means, and what a person reads when it means nothing."""

import re

import numpy as np
import pytest

from tb_activations.schema import LayerInfo
from tb_activations.selection import Choices, select
from tb_activations.table import LayerTable

INFOS = (
    LayerInfo("image", "image", 0, "InputLayer", (None, 8), role="input"),
    LayerInfo("conv_intermediate", "conv_intermediate", 1, "Conv2D", (None, 8), parameters=1234),
    LayerInfo("backbone/d1", "d1", None, "Dense", (None, 4)),
    LayerInfo("backbone", "backbone", 2, "Sequential", (None, 4)),
    LayerInfo("dropout", "dropout", 3, "Dropout", (None, 4)),
    LayerInfo("flatten", "flatten", 4, "Flatten", (None, 4), role="output"),
)
NAMES = ("image", "conv_intermediate", "backbone", "dropout", "flatten")


def paths(layers=None, exclude=None, **options):
    chosen = select(Choices(INFOS, NAMES, containers={"backbone"}, **options), layers, exclude)
    return [info.path for info in chosen]


def test_by_default_what_computes_and_the_output():
    assert paths() == ["conv_intermediate", "backbone/d1", "flatten"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (1, ["conv_intermediate"]),
        (-1, ["flatten"]),
        (0, ["image"]),
        ("d1", ["backbone/d1"]),
        ("backbone/d1", ["backbone/d1"]),
        ("backbone/*", ["backbone/d1"]),
        (re.compile("conv|drop"), ["conv_intermediate", "dropout"]),
        (lambda info: info.class_name == "Dense", ["backbone/d1"]),
        (["flatten", 1], ["conv_intermediate", "flatten"]),
        (np.array([1, -1]), ["conv_intermediate", "flatten"]),
        (np.int64(1), ["conv_intermediate"]),
        (range(2), ["image", "conv_intermediate"]),
    ],
)
def test_each_kind_of_selector_in_execution_order(selector, expected):
    assert paths(selector) == expected


def test_a_layer_itself_selects_by_its_name():
    keras = pytest.importorskip("keras")
    assert paths(keras.layers.Dense(3, name="conv_intermediate")) == ["conv_intermediate"]
    with pytest.raises(ValueError, match='no layer matches "elsewhere"'):
        paths([keras.layers.Dense(3, name="elsewhere")])


def test_exclude_takes_away():
    assert paths(exclude="flatten") == ["conv_intermediate", "backbone/d1"]


def test_a_wrong_name_is_answered_with_the_nearest_and_the_listing():
    with pytest.raises(ValueError, match=r'no layer matches "conv_intermedate". Did you mean "conv_intermediate"') as e:
        paths("conv_intermedate")
    assert all(info.path in str(e.value) for info in INFOS)


def test_the_nearest_name_may_differ_in_case():
    with pytest.raises(ValueError, match=r'no layer matches "CONV_Intermediate". Did you mean "conv_intermediate"'):
        paths("CONV_Intermediate")


def test_the_name_of_a_class_is_answered_with_the_class():
    with pytest.raises(ValueError, match=r'no layer matches "Dense". That is a class of layers: give the class itself'):
        paths("Dense")


def test_an_index_out_of_range_is_answered_with_the_listing():
    with pytest.raises(IndexError, match=r"index 5 is out of range.*has 5 layers, so expected -5 to 4") as e:
        paths(5)
    assert "conv_intermediate" in str(e.value)


def test_a_layer_that_cannot_be_seen_is_answered_with_the_reason():
    with pytest.raises(ValueError, match=r'"cell" cannot be captured: inside a loop'):
        paths("cell", skipped={"cell": "inside a loop"})


def test_an_empty_selection_lists_what_there_is():
    with pytest.raises(ValueError, match=r"no layer is selected\. This model has:"):
        paths("flatten", exclude="flatten")


@pytest.mark.parametrize("selector", [True, 1.5, {"a": 1}])
def test_another_kind_of_selector_is_refused_with_the_kinds_there_are(selector):
    with pytest.raises(TypeError, match=r"a layer selector must be an integer .*a layer name"):
        paths(selector)


class Conv2D:
    pass


class SparseConv2D(Conv2D):
    pass


class Dense:
    pass


TYPES = {"image": object, "conv_intermediate": SparseConv2D, "backbone/d1": Dense, "backbone": object}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Conv2D, ["conv_intermediate"]),
        ([Dense, -1], ["backbone/d1", "flatten"]),
        ("conv", ["conv_intermediate"]),
        ("dense", ["backbone/d1"]),
        ("outputs", ["flatten"]),
        ("all", ["conv_intermediate", "backbone/d1", "backbone", "dropout", "flatten"]),
        (
            ["conv", "back*", [re.compile("^flat"), lambda info: info.index == 3]],
            ["conv_intermediate", "backbone/d1", "backbone", "dropout", "flatten"],
        ),
    ],
)
def test_classes_and_presets_select_what_is_of_their_kind(selector, expected):
    assert paths(selector, types=TYPES) == expected


def test_a_layer_that_has_a_presets_name_wins_over_it():
    infos = (LayerInfo("conv", "conv", 0, "Dense"), LayerInfo("c", "c", 1, "Conv2D"))
    assert [info.path for info in select(Choices(infos, ("conv", "c")), "conv")] == ["conv"]


@pytest.mark.parametrize(
    ("selector", "words"),
    [("attention", 'no layer matches the preset "attention"'), (type("Bogus", (), {}), "the class Bogus")],
)
def test_a_preset_or_class_that_matches_nothing_lists_what_there_is(selector, words):
    with pytest.raises(ValueError, match=words) as error:
        paths(selector, types=TYPES)
    assert "conv_intermediate" in str(error.value)


def test_an_exclusion_that_matches_nothing_is_a_typo():
    with pytest.raises(ValueError, match=r'no layer matches "flaten"\. Did you mean "flatten"'):
        paths(exclude="flaten")


def test_the_table_is_aligned_and_has_every_column():
    lines = str(LayerTable(INFOS)).splitlines()
    assert lines[0].split() == ["index", "path", "class", "output", "shape", "parameters"]
    assert lines[4].split() == ["-", "backbone/d1", "Dense", "(None,", "4)", "0"]
    assert lines[3].endswith("1,234")


def test_an_index_of_a_layer_that_the_call_does_not_use_says_so():
    with pytest.raises(ValueError, match=r'index 2 \("unused"\) has no output to show'):
        select(Choices(INFOS[:2], ("image", "conv_intermediate", "unused")), 2)


def test_an_output_with_the_values_of_a_chosen_layer_is_left_out_by_default():
    assert paths(same_as={"flatten": "backbone/d1"}) == ["conv_intermediate", "backbone/d1"]
    assert paths(same_as={"flatten": "dropout"}) == ["conv_intermediate", "backbone/d1", "flatten"]
    assert paths("flatten", same_as={"flatten": "backbone/d1"}) == ["flatten"]
