# Everything a person types. `make` alone explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME ?= var/demo
ARGS ?=
TESTS ?= tests

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

.PHONY: run
run: $(VENV)/.demo ## See the whole promise on a synthetic hospital, then serve it (ARGS="--no-serve --lang en")
	$(BIN)/jinkui --home $(DEMO_HOME) demo $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## Run every test against real stores, servers and a browser if there is one
	$(BIN)/pytest -n 2 --dist loadfile $(TESTS)

.PHONY: check
check: $(VENV)/.dev ## Lint, formatting, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: $(VENV)/.dev ## Measure ours beside the limit and the peers (ARGS=--quick)
	@$(BIN)/python bench/performance_page.py --write $(ARGS)

.PHONY: lock
lock: $(VENV)/.dev ## Pin every requirement by hash again
	$(BIN)/pip install --quiet pip-tools
	@for name in runtime demo dev; do \
	  $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --no-annotate \
	    --output-file requirements/$$name.txt requirements/$$name.in; done

.PHONY: clean
clean: ## Remove the environment, the demo home and caches
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The environment: made once, remade when a lock or the project's metadata changes.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Jinkui needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python requirements/demo.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.demo $@
