# What can be done with a checkout. `make` lists it. Everything that CI runs is here too.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
SYSTEM_PYTHON := /usr/bin/python3
PYTEST := $(PY) -m pytest
OURS := src tests stacks setup $(wildcard bench buildpacks providers)
LOCK := .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --all-extras --universal \
	--python-version 3.11 pyproject.toml
# CI tests everything, so it wants the tests' tools with the first step.
SETUP_FLAGS := $(if $(filter true,$(CI)),--heroku-cli)

.PHONY: help setup demo up down status fmt lint types floors lock-check check test test-fast e2e bench \
	heroku-cli lock stacks clean uninstall

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Make this machine ready (root): packages, .venv, stack image, the haibun command
	@test -x $(SYSTEM_PYTHON) || { echo "setup: $(SYSTEM_PYTHON) is missing. Run: apt-get install python3" >&2; exit 1; }
	@$(SYSTEM_PYTHON) setup/setup.py $(SETUP_FLAGS)

demo: setup ## Start a platform and push an example app to it
	$(PY) examples/demo.py

up: ## Start the platform
	.venv/bin/haibun up

down: ## Stop the platform
	.venv/bin/haibun down

status: ## What runs
	.venv/bin/haibun status

fmt: ## Format the code and mend what ruff can mend
	.venv/bin/ruff check --fix-only --quiet $(OURS)
	.venv/bin/ruff format $(OURS)

lint: ## Ruff: lint and format
	.venv/bin/ruff check $(OURS)
	.venv/bin/ruff format --check $(OURS)

types: ## Mypy, strict
	.venv/bin/mypy
	.venv/bin/mypy --package stacks --package setup

floors: ## Imports only go down
	.venv/bin/lint-imports

lock-check: ## requirements.lock is what pyproject.toml asks for
	@copy=$$(mktemp) && trap 'rm -f "$$copy"' EXIT && cp requirements.lock "$$copy" && $(LOCK) -o "$$copy" \
		&& diff -u requirements.lock "$$copy" || { echo "requirements.lock is stale. Run: make lock" >&2; exit 1; }

check: lint types floors lock-check ## All that needs no platform: lint, types, floors, lock

test: setup heroku-cli ## Every test, end-to-end included (root)
	$(PYTEST)

test-fast: ## The tests that need no root and no platform
	$(PYTEST) -m "not root and not e2e"

e2e: ## The end-to-end tests (root)
	$(PYTEST) tests/e2e

bench: ## Measure (root)
	$(PY) bench/run.py

heroku-cli: ## The unmodified Heroku CLI, which the end-to-end tests drive, into .heroku-cli/
	@$(SYSTEM_PYTHON) setup/setup.py --only-heroku-cli

lock: ## Pin dependencies anew: the newest versions that pyproject.toml allows
	$(LOCK) --upgrade -o requirements.lock

stacks: ## Make the stack images of every recipe (root)
	$(PY) stacks/build.py $(basename $(notdir $(wildcard stacks/*.toml)))

clean: ## Remove caches and what tests left in the checkout
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .test-output .demo .heroku-cli
	find $(OURS) -name __pycache__ -type d -prune -exec rm -rf {} +

uninstall: ## Remove what setup placed outside the checkout (root)
	@$(SYSTEM_PYTHON) setup/uninstall.py
