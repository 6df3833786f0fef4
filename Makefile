.PHONY: setup check test test-slow bench
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

setup:  ## a virtual environment with everything
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -e '.[dev]'

check:  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test:  ## the tests that are quick; those for docker where there is an engine with the image
	$(BIN)/pytest

test-slow:  ## everything this machine can run
	$(BIN)/pytest -m ''

bench:  ## environment steps per CPU-second, beside stable-baselines3
	$(BIN)/python benchmarks/throughput.py
