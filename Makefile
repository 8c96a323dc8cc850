# Every command sets up what it needs, once: a virtual environment, Chromium, npm packages.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo test test-all check format frontend frontend-test bundle-fresh benchmark benchmark-quick clean chromium

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

demo: $(STAMPS)/demo  ## train a small CNN on real digits and serve TensorBoard with the Activations tab
	$(BIN)/python demo/run.py $(DEMO_ARGS)

test: $(STAMPS)/dev frontend-test chromium  ## every test but the slow ones, the browser's included
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: $(STAMPS)/dev frontend-test chromium  ## every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(STAMPS)/dev $(STAMPS)/npm bundle-fresh  ## format, lint, types, and that the bundle is what the sources build
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd frontend && npm run --silent check

format: $(STAMPS)/dev $(STAMPS)/npm  ## format all sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd frontend && npm run --silent format

frontend: $(STAMPS)/npm  ## build the committed bundle, tb_activations/plugin/static
	cd frontend && npm run --silent build
	@# setuptools never cleans it: a wheel built over it would hold the old bundle as well
	@rm -rf build

frontend-test: $(STAMPS)/npm
	cd frontend && npm test --silent

bundle-fresh: $(STAMPS)/npm
	.ci/bundle-fresh.sh

benchmark: $(STAMPS)/dev $(STAMPS)/peers/installed  ## measure what a log costs beside other tools, and write docs/performance.md and its plot
	$(BIN)/python -m benchmarks.report

benchmark-quick: $(STAMPS)/dev  ## the important figures in fewer rounds; fails when one is far behind its target
	$(BIN)/python -m benchmarks.report --guard

chromium: $(STAMPS)/dev
	.ci/chromium.sh $(BIN)/python

clean:  ## remove what the commands installed and made (your runs stay)
	rm -rf $(VENV) $(STAMPS) frontend/node_modules test-results build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON) found; install Python 3.10 to 3.13, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else f"make: Python 3.10 to 3.13 is needed, and $(PYTHON) is {v[0]}.{v[1]}; say make PYTHON=/path/to/another")'
	$(PYTHON) -m venv $(VENV) || { echo "make: creating a virtual environment failed; on Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

# The development extra holds the demo's, so its stamp serves both.
$(STAMPS)/dev: pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@mkdir -p $(STAMPS) && touch $(STAMPS)/dev $(STAMPS)/demo

$(STAMPS)/demo: pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@mkdir -p $(STAMPS) && touch $@

# Beside the virtual environment, so that what tests and users get is not what a benchmark compares with.
$(STAMPS)/peers/installed: benchmarks/requirements.txt | $(STAMPS)/dev
	rm -rf $(STAMPS)/peers
	$(BIN)/python -m pip install --quiet --no-deps --target $(STAMPS)/peers --requirement benchmarks/requirements.txt
	@touch $@

$(STAMPS)/npm: frontend/package.json frontend/package-lock.json
	.ci/node.sh
	cd frontend && npm ci --silent --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@
