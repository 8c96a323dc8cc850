"""Docs: no option of the public API, and no route, goes without a word."""

import inspect
import pathlib

import pytest

from tb_activations import ActivationLogger, ActivationWriter, capture, list_layers
from tb_activations.encode.views import REGISTRY

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("public", [ActivationLogger, ActivationWriter])
def test_every_option_is_in_the_readme_and_in_the_docstring(public):
    for name in inspect.signature(public).parameters:
        assert f"`{name}`" in README, name
        assert name in (public.__doc__ or ""), name


@pytest.mark.parametrize("public", [capture, list_layers])
def test_every_argument_is_in_the_docstring(public):
    for name in inspect.signature(public).parameters:
        if name != "print_fn":
            assert name in (public.__doc__ or ""), name


def test_every_row_of_the_registry_of_views_is_documented():
    table = (ROOT / "docs/views.md").read_text().split("## What they look like")[0]
    assert sum(line.startswith("| rank") for line in table.splitlines()) == len(REGISTRY)


def test_every_picture_in_the_docs_is_there():
    page = (ROOT / "docs/views.md").read_text()
    pictures = [part.split(")")[0] for part in page.split("](views/")[1:]]
    assert pictures
    assert all((ROOT / "docs/views" / name).is_file() for name in pictures)
