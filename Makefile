# Everything you do here. `make` or `make help` lists it; each target installs what it needs by itself.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV     := .venv
BIN      := $(VENV)/bin
INSTANCE := $(or $(COUNTERSIGN_INSTANCE),instance)
WORKERS  ?= 2
PIP      := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
PROGRAM  := config.py wsgi.py webapp

export PYTHONDONTWRITEBYTECODE := 1

# The first Python from 3.11 to 3.13 found here; or say PYTHON=/path/to/python3.12.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo "$$each" && break; \
	done)

.PHONY: help
help: ## what can be done here
	@awk -F ' *## *' '/^[a-z][a-z-]*:.*## /{sub(/:.*/, "", $$1); printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  From the environment: PORT (8000), DATABASE_URL (SQLite in instance/), WEB_WORKERS (2), WEB_THREADS (4),"
	@echo "  MAIL_SERVER …; for tests WORKERS (2), ARGS, e.g.  make test ARGS='tests/accounts -x --engine sqlite'"

# --- running -------------------------------------------------------------------------------------------------

.PHONY: run
run: export COUNTERSIGN_DEMO := 1
run: $(VENV)/run-installed $(INSTANCE)/secret-key ## the demonstration: web and worker on http://127.0.0.1:8000
	@$(BIN)/flask migrate
	@$(BIN)/flask demo load
	@exec $(BIN)/flask serve

$(INSTANCE)/secret-key:
	@mkdir -p $(@D)
	@umask 077; $(BIN)/python -c 'import secrets; print("k1:" + secrets.token_hex(32))' > $@

# --- checking ------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/develop-installed $(VENV)/system-installed ## all tests: both engines, a real browser, nothing skipped
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(if $(ARGS),$(ARGS),--complete)

.PHONY: test-all
test-all: $(VENV)/develop-installed $(VENV)/system-installed ## the same with the full doses of the long tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --complete --full

.PHONY: bench
bench: $(VENV)/develop-installed ## how fast it is, on both engines: rows of a file, hand-over of notices
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: check
check: $(VENV)/develop-installed ## style, types, layers, templates, known weaknesses, catalogues
	@mkdir -p build
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache >build/imports.txt || { cat build/imports.txt; exit 1; }
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PROGRAM)
	@$(BIN)/python -m tests.support.catalogue --check

# --- installing ----------------------------------------------------------------------------------------------

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Needs Python 3.11, 3.12 or 3.13 on the PATH (or: make PYTHON=/path/to/python3.12 …)."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Needs Python's venv module. On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/run-installed: requirements/run.txt | $(BIN)/python
	@echo "Installing what it runs on …"
	@$(PIP) install --require-hashes --requirement requirements/run.txt
	@touch $@

$(VENV)/develop-installed: requirements/develop.txt | $(BIN)/python
	@echo "Installing what it is tested with …"
	@$(PIP) install --require-hashes --requirement requirements/develop.txt
	@touch $@ $(VENV)/run-installed

# Chromium and a Japanese font come from the system.
$(VENV)/system-installed: .ci/system | $(BIN)/python
	@.ci/system
	@touch $@

.PHONY: lock
lock: | $(BIN)/python ## pin the dependencies of pyproject.toml again, with hashes
	@mkdir -p build
	@[ -x build/uv/bin/uv ] || { $(BIN)/python -m venv build/uv && build/uv/bin/pip --disable-pip-version-check --quiet install uv; }
	@build/uv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url \
		pyproject.toml --output-file requirements/run.txt
	@build/uv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url \
		pyproject.toml --group test --group quality --constraint requirements/run.txt \
		--output-file requirements/develop.txt
	@! grep -nE 'https?://|^--|file://' requirements/*.txt || { echo "An index address got into requirements/."; exit 1; }
