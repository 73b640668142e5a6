# The developer interface. Everything happens in .venv, which is made on first use; nothing is installed elsewhere.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# The newest Python that is new enough; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)

.PHONY: help demo test lint fix bench docs clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Lingate needs Python 3.11 or newer on PATH"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

demo: $(STAMP) ## run Lingate end to end against the built-in simulator: no keys, no network
	@$(BIN)/lingate demo

test: $(STAMP) ## run the tests (ARGS="-k name" to choose)
	@$(BIN)/python -m pytest -n auto $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict, import-linter, architecture tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/arch

fix: $(STAMP) ## format, and mend what can be mended by machine
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## compare with other clients, on one nginx; writes benchmarks/RESULTS.md (takes minutes)
	@$(BIN)/python -m benchmarks.run $(ARGS)

docs: $(STAMP) ## rewrite the generated parts of docs/
	@$(BIN)/python docs/generate.py

clean: ## remove what make created
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
