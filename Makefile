PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: setup demo test test-fast check bench schema

setup: $(VENV)/ready

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	touch $@

$(VENV)/demo-ready: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e '.[clip]'
	touch $@

$(VENV)/ready: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/demo-ready
	$(BIN)/interloom demo

test: setup check
	$(BIN)/pytest -m "not slow"
	$(BIN)/pytest -m slow

test-fast: setup
	$(BIN)/pytest -m "not slow"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

schema: setup
	$(BIN)/interloom schema > schemas/recipe.schema.json

bench: setup
	$(BIN)/python -m benchmarks
