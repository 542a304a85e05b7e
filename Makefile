# What a developer can do here; `make` alone lists it. Every target sets up what it needs: Python 3.11 or 3.12 with venv,
# a JRE 17+ and Maven must be there, nothing else, and nothing is installed outside this folder and the caches
# ~/.cache/uv, ~/.m2 and ~/.cache/simpul.

UV_VERSION := 0.13.9
PYTHON ?= python3
WORK ?= .work
UV := $(WORK)/uv-$(UV_VERSION)/bin/uv
BIN := .venv/bin
READY := .venv/.ready
SOURCES := schemas connectors simpul dags tests
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up test coverage lint fmt types contracts check bench docs clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Simpul needs Python 3.11 or newer: set PYTHON to one, as in make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(WORK)/uv-$(UV_VERSION) \
		|| { echo "$(PYTHON) cannot make environments: install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@$(WORK)/uv-$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --extra demo --extra authoring
	@touch $@

setup: $(READY) ## Make the environment in .venv from uv.lock

demo: $(READY) ## Start everything and carry sample applications to their end; ARGS=--exit stops afterwards
	@$(BIN)/simpul demo $(ARGS)

up: $(READY) ## Start everything and leave it running until Ctrl-C
	@$(BIN)/simpul up $(ARGS)

test: $(READY) ## Run all tests against real Postgres, Kafka and Airflow; ARGS goes to pytest
	@.ci/tests $(ARGS)

coverage: $(READY) ## Show which lines the tests reach that need no whole stack
	@$(BIN)/pytest -m "not stack" --numprocesses=2 --dist=loadfile --cov --cov-report=term $(ARGS)

lint: $(READY) ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

fmt: $(READY) ## Put style right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## Check types (mypy, strict)
	@$(BIN)/mypy

contracts: $(READY) ## Check who may import what
	@$(BIN)/lint-imports

check: $(READY) ## Check what is generated or published: schemas, connector catalogue, services
	@$(BIN)/simpul schema check
	@$(BIN)/simpul connector catalogue --check
	@$(BIN)/simpul service check

bench: $(READY) ## Measure the whole stack's throughput; ARGS="--applications 2000 --json"
	@$(BIN)/simpul bench end-to-end $(ARGS)

docs: $(READY) ## Show where the documentation is
	@ls README.md CONTRIBUTING.md CHANGELOG.md docs/adr/*.md connectors/*/README.md

clean: ## Remove the environment and the work folder
	@if [ -s $(WORK)/secrets/postgres-folder ]; then rm -rf "/var/tmp/$$(cat $(WORK)/secrets/postgres-folder)"; fi
	rm -rf .venv $(WORK)
