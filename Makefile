# The developer interface. Everything happens in .venv, which is made on first use; what `make test` installs elsewhere is in
# scripts/services.sh.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# The newest Python that is new enough; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)

# fast-agent runs on these only, and pins all that it uses: an environment of its own.
HOSTS := .venv-hosts
HOSTS_STAMP := $(HOSTS)/.ready
HOSTS_TESTS := tests/hosts/test_fast_agent.py tests/hosts/test_fast_agent_host.py
HOSTS_PYTHON ?= $(shell for p in python3.13 python3.12 python3.14 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[234].*/bin/python); do \
	if $$p -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' 2>/dev/null; then echo $$p; break; fi; done)

# Tests wait (for streams, for processes to start) as long as they work: one more at a time than there are processors.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: help demo test test-hosts lint fix bench docs clean

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
	@scripts/services.sh
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)
	@$(if $(ARGS),echo "SKIPPED: fast-agent's own code: make test-hosts runs it",$(MAKE) --no-print-directory test-hosts)

$(HOSTS_STAMP): pyproject.toml
	@echo "Setting up $(HOSTS) with $$($(HOSTS_PYTHON) --version) for fast-agent: 290 MB, a minute or two"
	@$(HOSTS_PYTHON) -m venv $(HOSTS)
	@$(HOSTS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(HOSTS)/bin/python -m pip install --quiet --editable '.[simulator,prices,yaml]' --group hosts-fast-agent
	@touch $@

test-hosts: ## run fast-agent's own code on Lingate, if there is a Python for it (3.12 to 3.14)
	@if [ -z "$(HOSTS_PYTHON)" ]; then \
		echo "SKIPPED: fast-agent's own code: it needs Python 3.12 to 3.14 on PATH, or HOSTS_PYTHON=..."; \
	elif $(MAKE) --no-print-directory $(HOSTS_STAMP); then \
		$(HOSTS)/bin/python -m pytest -q -n $(JOBS) $(HOSTS_TESTS); \
	else \
		echo "SKIPPED: fast-agent's own code: $(HOSTS) could not be made (see above)"; \
	fi

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
	@$(BIN)/python scripts/pack.py
	@$(BIN)/python docs/generate.py

clean: ## remove what make created
	rm -rf $(VENV) $(HOSTS) .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
