"""TensorBoard's entry point: tiny, because a fault while importing it or in its flags takes all of TensorBoard down.

Only `load` may fail at no greater price than our own tab, so everything else is imported there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tensorboard.plugins import base_plugin

DEFAULT_STEPS = 50
HEALTH_STEPS = 1000


class ActivationsLoader(base_plugin.TBLoader):
    """Adds `--activations_steps` and makes the plugin."""

    def define_flags(self, parser: Any) -> None:
        # A clash with another plugin's flag raises here; ours is then left out and fix_flags uses its default.
        with contextlib.suppress(Exception):
            group = parser.add_argument_group("activations plugin")
            group.add_argument(
                "--activations_steps",
                metavar="N",
                type=int,
                default=DEFAULT_STEPS,
                help=(
                    "How many steps to keep of every picture, histogram and activation statistic (default: "
                    f"{DEFAULT_STEPS}). What is kept lives in memory. For the plugins images, histograms and "
                    "activations; --samples_per_plugin wins over it."
                ),
            )

    def fix_flags(self, flags: Any) -> None:
        """Keeps the same number of steps of each thing we show, unless the user asked for another.

        TensorBoard's own defaults (10 images, 500 or 100 histograms, 10 or 100 of ours) would leave pictures,
        histograms and statistics with hardly a step in common.
        """
        with contextlib.suppress(Exception):
            from tb_activations import schema

            chosen = flags.samples_per_plugin
            if not isinstance(chosen, Mapping):
                return
            steps = getattr(flags, "activations_steps", DEFAULT_STEPS)
            # 0 would mean "all" to TensorBoard's loaders, but with 0 the stock Images tab shows nothing.
            steps = steps if isinstance(steps, int) and steps > 0 else DEFAULT_STEPS
            ours = {
                schema.IMAGES_PLUGIN_NAME: steps,
                schema.HISTOGRAMS_PLUGIN_NAME: steps,
                schema.PLUGIN_NAME: steps,
                schema.HEALTH_PLUGIN_NAME: max(steps, HEALTH_STEPS),
            }
            flags.samples_per_plugin = {**ours, **chosen}

    def load(self, context: Any) -> Any:
        if context.data_provider is None:
            return None
        from tb_activations.plugin.plugin import ActivationsPlugin

        return ActivationsPlugin(context)
