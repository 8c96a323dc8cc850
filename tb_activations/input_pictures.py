"""Input pictures: what is drawn in a preprocessed input's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Painter = Callable[[np.ndarray], Any]
_SAMPLES_PER_PIXEL = (1, 3, 4)


def check_input_image(input_image: Any) -> None:
    """Raises TypeError for what is neither a function nor a mapping of input names to functions."""
    functions = input_image.values() if isinstance(input_image, Mapping) else [input_image]
    if input_image is not None and not all(callable(function) for function in functions):
        raise TypeError(
            "input_image must be a function from inputs [batch, …] to pictures [batch, height, width, 1, 3 or 4], or a "
            f"mapping of input names to such functions. Received: input_image={input_image!r}"
        )


def pictures_of(inputs: Mapping[str, np.ndarray], input_image: Any) -> dict[str, np.ndarray]:
    """Input path → picture, float or integer [batch, height, width, 1, 3 or 4].

    Raises ValueError for an input that is not there and for pictures of another shape.
    """
    if input_image is None:
        return {}
    if not isinstance(input_image, Mapping):
        if len(inputs) != 1:
            raise ValueError(
                f"the model has {len(inputs)} inputs ({', '.join(inputs)}), so input_image must be a mapping of input "
                "names to functions. Received: one function"
            )
        input_image = dict.fromkeys(inputs, input_image)
    unknown = set(input_image) - set(inputs)
    if unknown:
        raise ValueError(
            f"input_image must name inputs of the model ({', '.join(inputs)}). Received: {sorted(unknown)}"
        )
    return {path: _picture(path, inputs[path], paint) for path, paint in input_image.items()}


def _picture(path: str, values: np.ndarray, paint: Painter) -> np.ndarray:
    # A copy, for functions that undo a normalisation in place.
    picture = np.asarray(paint(np.array(values)))
    if picture.ndim == 3:
        picture = picture[..., None]
    if picture.ndim != 4 or len(picture) != len(values) or picture.shape[-1] not in _SAMPLES_PER_PIXEL:
        raise ValueError(
            f"input_image must return pictures [{len(values)}, height, width, 1, 3 or 4] for the input {path!r} of "
            f"shape {values.shape}. Received: {picture.shape}"
        )
    return picture
