PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check test-slow benchmark clean

# .venv with everything, at the tested versions.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ocr,cnn,app,test]'
	touch $@

# Measure the shipped micrographs; says where the results are.
demo: $(VENV)/.installed
	$(BIN)/micro-features extract data/synthetic/micrographs --manifest data/synthetic/manifest.csv -o results/demo

# Lint, types and import layers, then the tests.
test: check
	$(BIN)/python -m pytest -m "not slow"

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Long checks, by hand.
test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

benchmark: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks.speed

clean:
	rm -rf results build dist
