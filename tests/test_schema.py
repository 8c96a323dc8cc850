"""The data contract: what is written reads back, and newer or foreign data is refused with a sentence."""

import json

import numpy as np
import pytest

from tb_activations import schema
from tb_activations.schema import HEALTH_COLUMNS, AtlasHeader, LayerInfo, Manifest, SchemaError

LAYERS = (
    LayerInfo("image", "image", 0, "InputLayer", (None, 28, 28, 1), "float32", role="input"),
    LayerInfo("conv", "conv", 1, "Conv2D", (None, 26, 26, 4), "float32", 40, "relu", ("image",), "output"),
)


def test_a_manifest_reads_back_equal():
    manifest = Manifest(LAYERS, labels=("7",), skipped={"rnn/cell": "inside a while loop"}, options={"max_size": None})
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_digest_names_the_rows_and_columns_of_health_and_nothing_else():
    digest = Manifest(LAYERS).digest
    assert digest == Manifest(LAYERS, labels=("other",)).digest
    assert digest != Manifest(LAYERS[::-1]).digest
    assert digest != Manifest(LAYERS, health_columns=HEALTH_COLUMNS[:-1]).digest


def test_unknown_fields_are_ignored():
    data = json.loads(Manifest(LAYERS).to_json())
    data["invented_later"] = 1
    data["layers"][0]["invented_later"] = 2
    assert Manifest.from_json(json.dumps(data)) == Manifest(LAYERS)


@pytest.mark.parametrize("read", [Manifest.from_json, AtlasHeader.from_json])
def test_a_newer_major_version_is_refused_with_what_to_do(read):
    with pytest.raises(SchemaError, match=r"schema version 2.*reads up to 1.*pip install --upgrade"):
        read('{"schema_version": 2}')


@pytest.mark.parametrize("read", [Manifest.from_json, AtlasHeader.from_json])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no integer schema_version"),
        ('{"schema_version": 1}', "lack|no list of layers"),
    ],
)
def test_text_that_is_something_else_is_refused(read, text, reason):
    with pytest.raises(SchemaError, match=reason):
        read(text)


@pytest.mark.parametrize("last", [0, 1, 3, 8])
def test_columns_of_zeros_at_the_end_are_left_out_and_come_back(last):
    table = np.zeros((4, 9), np.float32)
    table[2, last] = np.nan
    shortened = schema.without_zero_columns(table)
    assert shortened.shape == (4, last + 1)
    np.testing.assert_array_equal(schema.with_zero_columns(shortened, 9), table)


def test_a_table_of_zeros_keeps_a_column():
    assert schema.without_zero_columns(np.zeros((4, 9))).shape == (4, 1)
