PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: setup demo test test-fast check bench schema

# Make a virtual environment with everything that development needs.
setup: $(VENV)/ready

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	touch $@

# What the demo needs: the package with CLIP, without the tools for development.
$(VENV)/demo-ready: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e '.[clip]'
	touch $@

$(VENV)/ready: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

# Generate a small crawl, run it end to end and check the result.
demo: $(VENV)/demo-ready
	$(BIN)/interloom demo

# All checks and all tests, as in the CI.
test: setup schema check
	$(BIN)/pytest -m "not slow" -n auto
	$(BIN)/pytest -m slow -n 2 --dist loadgroup --durations 15

# Tests without those that start clusters, kill processes or load models.
test-fast: setup
	$(BIN)/pytest -m "not slow" -n auto

# Lint, format and types.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini

# Regenerate the JSON Schema of recipes, after a change of parameters or of first lines of docstrings.
schema: setup
	$(BIN)/interloom schema > schemas/recipe.schema.json

# All benchmarks with short settings.
bench: setup
	$(BIN)/python -m benchmarks
