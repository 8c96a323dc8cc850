"""Architectures written the way people write them, every layer against a second recording."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tb_activations import ActivationLogger, capture
from tests.capture.models import assert_same, leaves, notes, traced_notes, truth_of_layers

# Against an eager call, which computes step by step what a traced function may fuse.
CLOSE = {"rtol": 2e-4, "atol": 2e-5}


def assert_as_recorded(maps, expected):
    """Every call of every layer that holds no other: `name` in `maps` by its own name, calls in order."""
    calls: dict[str, list[np.ndarray]] = {}
    for info in maps.layers:
        if ":" not in info.path:
            calls.setdefault(info.name, []).append(maps[info.path])
    recorded = {name: values for name, values in expected.items() if not isinstance(values[0], (tuple, list, dict))}
    assert recorded
    assert set(recorded) <= set(calls)
    for name, values in recorded.items():
        assert len(calls[name]) == len(values)
        for found, value in zip(calls[name], values, strict=True):
            assert_same(found, value)


def every_layer(info):
    return info.role != "input"


class Embeddings(layers.Layer):
    def __init__(self, words, length, width, **options):
        super().__init__(**options)
        self.words = layers.Embedding(words, width, mask_zero=True, name="words")
        self.positions = layers.Embedding(length, width, name="positions")
        self.norm = layers.LayerNormalization(name="embeddings_norm")

    def call(self, tokens):
        return self.norm(self.words(tokens) + self.positions(ops.arange(ops.shape(tokens)[1])))

    def compute_mask(self, tokens, mask=None):
        return self.words.compute_mask(tokens)


class EncoderBlock(layers.Layer):
    supports_masking = True

    def __init__(self, width, heads, rate=0.1, **options):
        super().__init__(**options)
        self.attention = layers.MultiHeadAttention(heads, width // heads, dropout=rate, name="attention")
        self.norm_1 = layers.LayerNormalization(name=f"{self.name}_norm_1")
        self.norm_2 = layers.LayerNormalization(name=f"{self.name}_norm_2")
        self.ffn = keras.Sequential(
            [
                layers.Dense(4 * width, "gelu", name=f"{self.name}_up"),
                layers.Dense(width, name=f"{self.name}_down"),
                layers.Dropout(rate, name=f"{self.name}_drop"),
            ],
            name="ffn",
        )

    def call(self, x, mask=None, training=None):
        attention_mask = None if mask is None else mask[:, None, :]
        attended = self.attention(x, x, attention_mask=attention_mask, training=training)
        x = self.norm_1(x + attended)
        return self.norm_2(x + self.ffn(x, training=training))


class Bert(keras.Model):
    def __init__(self, depth=2, words=30, length=6, width=8, heads=2):
        super().__init__(name="bert")
        self.embeddings = Embeddings(words, length, width, name="embeddings")
        self.blocks = [EncoderBlock(width, heads, name=f"block_{i}") for i in range(depth)]
        self.pooler = layers.Dense(width, "tanh", name="pooler")
        self.mlm = layers.Dense(words, name="mlm")

    def call(self, inputs, training=False):
        mask = ops.cast(inputs["attention_mask"], "bool")
        x = self.embeddings(inputs["input_ids"])
        for block in self.blocks:
            x = block(x, mask=mask, training=training)
        return {"logits": self.mlm(x), "pooled": self.pooler(x[:, 0])}


def test_a_bert_style_encoder():
    model = Bert()
    ids = np.array([[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 9, 10]], np.int32)
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int32)}
    model(inputs)
    maps = capture(model, inputs, layers=every_layer)
    # Attention's own parts are in test_attention.py; some of them are not called.
    own = [layer for layer in leaves(model) if layer.path and "attention" not in layer.path]
    assert len(own) > 12
    assert_as_recorded(maps, traced_notes(model, inputs, *own))
    result = model(inputs)
    np.testing.assert_allclose(maps["mlm"], result["logits"], **CLOSE)
    for block in ("block_0", "block_1"):
        scores = maps[f"{block}/attention:scores"]
        assert scores.shape == (2, 2, 6, 6)
        np.testing.assert_allclose(scores.sum(axis=-1)[:, :, :4], 1, rtol=1e-5)
        assert not scores[0, :, :, 4:].any()
    assert {info.path for info in maps.layers if info.role == "output"} == {"mlm", "pooler"}
    assert set(maps.inputs) == {"input:input_ids", "input:attention_mask"}


class DecoderBlock(layers.Layer):
    """Causal attention written by hand, over a cache of keys and values."""

    def __init__(self, width, heads, **options):
        super().__init__(**options)
        self.heads, self.width = heads, width
        self.norm_1 = layers.LayerNormalization(name="norm_1")
        self.qkv = layers.Dense(3 * width, name="qkv")
        self.softmax = layers.Softmax(name="softmax")
        self.project = layers.Dense(width, name="project")
        self.norm_2 = layers.LayerNormalization(name="norm_2")
        self.mlp = keras.Sequential([layers.Dense(4 * width, "gelu", name="up"), layers.Dense(width, name="down")])

    def call(self, x, cache=None):
        length = x.shape[1]
        qkv = ops.reshape(self.qkv(self.norm_1(x)), (-1, length, 3, self.heads, self.width // self.heads))
        query, key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in ops.unstack(qkv, axis=2))
        if cache is not None:
            key = ops.concatenate([cache[0], key], axis=2)
            value = ops.concatenate([cache[1], value], axis=2)
        past = key.shape[2] - length
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / np.sqrt(query.shape[-1])
        allowed = ops.arange(past + length)[None, :] <= ops.arange(past, past + length)[:, None]
        weights = self.softmax(scores, mask=allowed[None, None])
        mixed = ops.reshape(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)), (-1, length, self.width))
        x = x + self.project(mixed)
        return x + self.mlp(self.norm_2(x)), (key, value)


class Gpt(keras.Model):
    def __init__(self, words=20, length=8, width=8, heads=2, depth=2):
        super().__init__(name="gpt")
        self.tokens = layers.Embedding(words, width, name="tokens")
        self.positions = layers.Embedding(length, width, name="positions")
        self.blocks = [DecoderBlock(width, heads, name=f"block_{i}") for i in range(depth)]
        self.norm = layers.LayerNormalization(name="norm")
        self.head = layers.Dense(words, use_bias=False, name="head")

    def call(self, inputs):
        tokens, caches = inputs["tokens"], inputs.get("cache")
        past = 0 if caches is None else caches[0][0].shape[2]
        x = self.tokens(tokens) + self.positions(ops.arange(past, past + tokens.shape[1]))
        new = []
        for i, block in enumerate(self.blocks):
            x, cache = block(x, cache=None if caches is None else caches[i])
            new.append(cache)
        return {"logits": self.head(self.norm(x)), "cache": new}


def test_a_gpt_style_decoder_with_a_cache():
    model = Gpt()
    tokens = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.int32)
    whole = model({"tokens": tokens})
    first = model({"tokens": tokens[:, :3]})
    step = {"tokens": tokens[:, 3:], "cache": keras.tree.map_structure(ops.convert_to_numpy, first["cache"])}
    maps = capture(model, step, layers=every_layer)
    own = leaves(model)
    assert len(own) == 18
    assert_as_recorded(maps, traced_notes(model, step, *own))
    np.testing.assert_allclose(maps["head"][:, 0], whole["logits"][:, 3], rtol=1e-3, atol=1e-4)
    # The block's other outputs: the new keys and values.
    assert maps["block_1:1:0"].shape == maps["block_1:1:1"].shape == (2, 2, 4, 4)
    scores = capture(model, {"tokens": tokens})["block_1/softmax"]
    assert not np.triu(scores, 1).any()


def vision_transformer(size=16, patch=4, width=8, heads=2, depth=2):
    images = keras.Input((size, size, 3))
    x = layers.Conv2D(width, patch, patch, name="patches")(images)
    x = layers.Reshape((-1, width))(x)
    x = x + layers.Embedding((size // patch) ** 2, width, name="positions")(ops.arange((size // patch) ** 2))
    for i in range(depth):
        y = layers.LayerNormalization(name=f"norm_{i}_1")(x)
        x = layers.Add(name=f"add_{i}_1")([x, layers.MultiHeadAttention(heads, 4, name=f"attention_{i}")(y, y)])
        y = layers.LayerNormalization(name=f"norm_{i}_2")(x)
        y = layers.Dense(2 * width, "gelu", name=f"up_{i}")(y)
        x = layers.Add(name=f"add_{i}_2")([x, layers.Dense(width, name=f"down_{i}")(y)])
    x = layers.GlobalAveragePooling1D(name="pool")(layers.LayerNormalization(name="norm")(x))
    return keras.Model(images, layers.Dense(5, "softmax", name="head")(x))


def test_a_vision_transformer():
    model = vision_transformer()
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    maps = capture(model, images)
    named = [layer for layer in model.layers if layer.name in maps]
    assert len(named) > 15
    for path, expected in truth_of_layers(model, named, images).items():
        if maps[path].shape[0] == 2:
            assert_same(maps[path], expected)
    assert maps["attention_1:scores"].shape == (2, 2, 16, 16)


def unet(size=16):
    images = keras.Input((size, size, 1))
    skips, x = [], images
    for i, filters in enumerate((4, 8)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"down_{i}")(x)
        x = layers.BatchNormalization(name=f"norm_{i}")(x)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool_{i}")(x)
    x = layers.SeparableConv2D(16, 3, padding="same", activation="relu", name="bottom")(x)
    for i, filters in reversed(list(enumerate((4, 8)))):
        x = layers.Conv2DTranspose(filters, 2, 2, name=f"up_{i}")(x)
        x = layers.Concatenate(name=f"skip_{i}")([x, skips[i]])
        x = layers.SpatialDropout2D(0.2)(layers.Conv2D(filters, 3, padding="same", name=f"merge_{i}")(x))
    return keras.Model(images, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x))


def test_a_u_net():
    model = unet()
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    maps = capture(model, images)
    for path, expected in truth_of_layers(
        model, [layer for layer in model.layers if layer.name in maps], images
    ).items():
        assert_same(maps[path], expected)
    parents = {info.path: set(info.parents) for info in maps.layers}
    assert parents["skip_0"] == {"up_0", "norm_0"}


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


class Vae(keras.Model):
    def __init__(self):
        super().__init__(name="vae")
        images = keras.Input((8, 8, 1))
        x = layers.Flatten()(layers.Conv2D(4, 3, 2, activation="relu", padding="same", name="conv")(images))
        mean, log_variance = layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_variance")(x)
        self.encoder = keras.Model(
            images, [mean, log_variance, Sampling(name="z")([mean, log_variance])], name="encoder"
        )
        self.decoder = keras.Sequential(
            [
                keras.Input((2,)),
                layers.Dense(64, "relu", name="dense"),
                layers.Reshape((4, 4, 4)),
                layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid", name="image"),
            ],
            name="decoder",
        )
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, images):
        return self.decoder(self.encoder(images)[2])

    def train_step(self, images):
        with tf.GradientTape() as tape:
            mean, log_variance, z = self.encoder(images)
            error = ops.mean((images - self.decoder(z)) ** 2)
            loss = error - 0.01 * ops.mean(1 + log_variance - mean**2 - ops.exp(log_variance))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


def test_a_variational_auto_encoder_and_its_noise_stay_its_own(tmp_path):
    images = np.random.default_rng(0).uniform(size=(8, 8, 8, 1)).astype(np.float32)

    def train(callbacks):
        keras.utils.set_random_seed(1)
        model = Vae()
        model.compile("adam")
        return model, model.fit(images, batch_size=4, epochs=2, verbose=0, callbacks=callbacks).history["loss"]

    _, plain = train([])
    model, hooked = train([ActivationLogger(tmp_path, probe=images[:2], strict=True)])
    assert hooked == plain
    maps = capture(model, images[:2])
    with notes(*leaves(model)) as expected:
        model(images[:2])
    # The next draw is the very one that the eager call made after it.
    np.testing.assert_allclose(maps["encoder/z"], expected["z"][0], **CLOSE)
    for path in ("encoder/conv", "encoder/mean", "encoder/log_variance", "decoder/dense", "decoder/image"):
        np.testing.assert_allclose(maps[path], expected[path.split("/")[1]][0], **CLOSE)


class Gan(keras.Model):
    def __init__(self):
        super().__init__(name="gan")
        self.generator = keras.Sequential(
            [
                keras.Input((3,)),
                layers.Dense(16, name="g"),
                layers.LeakyReLU(name="leaky"),
                layers.Dense(4, name="fake"),
            ],
            name="generator",
        )
        self.discriminator = keras.Sequential(
            [keras.Input((4,)), layers.Dense(8, "relu", name="d"), layers.Dropout(0.3), layers.Dense(1, name="real")],
            name="discriminator",
        )
        self.seed = keras.random.SeedGenerator(5)

    def compile(self):
        super().compile()
        self.g_optimizer, self.d_optimizer = keras.optimizers.Adam(), keras.optimizers.Adam()
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def call(self, noise, training=False):
        return self.discriminator(self.generator(noise, training=training), training=training)

    def train_step(self, real):
        noise = keras.random.normal((ops.shape(real)[0], 3), seed=self.seed)
        with tf.GradientTape(persistent=True) as tape:
            fake = self.discriminator(self.generator(noise, training=True), training=True)
            true = self.discriminator(real, training=True)
            d_loss = self.loss_fn(ops.ones_like(true), true) + self.loss_fn(ops.zeros_like(fake), fake)
            g_loss = self.loss_fn(ops.ones_like(fake), fake)
        for part, optimizer, loss in (
            (self.discriminator, self.d_optimizer, d_loss),
            (self.generator, self.g_optimizer, g_loss),
        ):
            optimizer.apply_gradients(
                zip(tape.gradient(loss, part.trainable_weights), part.trainable_weights, strict=True)
            )
        return {"d_loss": d_loss, "g_loss": g_loss}


def test_a_gan_with_two_optimizers_trains_the_same_while_it_is_looked_at(tmp_path):
    real = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)

    def train(callbacks):
        keras.utils.set_random_seed(1)
        model = Gan()
        model.compile()
        return model, model.fit(real, batch_size=4, epochs=2, verbose=0, callbacks=callbacks).history

    _, plain = train([])
    model, hooked = train([ActivationLogger(tmp_path, probe=noise, strict=True)])
    assert hooked == plain
    maps = capture(model, noise)
    fake = truth_of_layers(model.generator, model.generator.layers, noise)
    verdict = truth_of_layers(model.discriminator, model.discriminator.layers, fake["fake"])
    for name in ("g", "leaky", "fake"):
        assert_same(maps[f"generator/{name}"], fake[name])
    for name in ("d", "real"):
        assert_same(maps[f"discriminator/{name}"], verdict[name])
