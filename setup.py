"""The entry that tools expect; the metadata are in pyproject.toml."""

from setuptools import setup

setup()
