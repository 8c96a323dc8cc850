"""Listing: the table a person reads before naming layers, and how near its prediction comes."""

import keras
import numpy as np
import pytest

from tb_activations import ActivationWriter, LayerInfo, capture, list_layers
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes
from tb_activations.table import LayerTable


def cnn():
    return keras.Sequential(
        [
            keras.Input((40, 40, 3), name="photo"),
            keras.layers.Conv2D(24, 3, activation="relu", name="conv"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, name="prediction"),
        ]
    )


def transformer():
    inputs = x = keras.Input((32, 48))
    x = x + keras.layers.MultiHeadAttention(4, 12)(x, x)
    return keras.Model(inputs, keras.layers.Dense(48, "gelu")(keras.layers.LayerNormalization()(x)))


def test_the_table_says_what_names_a_layer_and_what_it_costs():
    printed = []
    list_layers(cnn(), print_fn=printed.append)
    [text] = printed
    heading, rule, *rows, note = text.splitlines()
    assert heading.split() == ["index", "path", "class", "output", "shape", "parameters", "bytes", "per", "log"]
    assert set(rule) == {"-", " "}
    assert rows[1].split()[:3] == ["0", "conv", "Conv2D"]
    assert len({len(row) for row in rows}) == 1
    total = cnn().count_params()
    assert note.startswith(f"5 outputs, {total:,} parameters; about ")


def test_a_notebook_shows_a_table_in_which_nothing_is_markup():
    table = LayerTable([LayerInfo("<b>", "<b>", 0, "A&B", (None, 3))], [12], "a < b")
    page = table._repr_html_()
    assert page.count("<tr>") == 2
    assert '<td style="text-align: left">&lt;b&gt;</td>' in page
    assert "A&amp;B" in page
    assert page.endswith("<p>a &lt; b</p>")


@pytest.mark.parametrize(("model", "samples"), [(cnn, 1), (cnn, 4), (transformer, 2)])
def test_the_prediction_is_within_a_factor_of_two_of_what_a_log_writes(tmp_path, model, samples):
    built = model()
    x = np.random.default_rng(0).random((samples, *built.input_shape[1:])).astype(np.float32)
    captured = capture(built, x)
    with ActivationWriter(tmp_path) as writer:
        sizes = []
        for step in (0, 1):
            writer.write(captured, step)
            writer.flush()
            sizes.append(writer.stats.bytes_written)
    logged = [*captured.input_layers, *captured.layers]
    predicted = sum(predicted_bytes(layer, Limits(), 64, samples) for layer in logged)
    assert 0.5 < predicted / (sizes[1] - sizes[0]) < 2


def test_a_layer_of_unknown_shape_has_no_prediction():
    assert predicted_bytes(LayerInfo("a", "a", shape=(None, None, 3)), Limits()) == 0
    assert predicted_bytes(LayerInfo("a", "a"), Limits()) == 0
