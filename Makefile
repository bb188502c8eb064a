# One vocabulary for people and CI: every target is a line or two over scripts/ and .venv.
PYTHON ?= python3
export JAVA_HOME ?= $(shell cat .mendel/java_home 2>/dev/null)
BIN := .venv/bin
export MENDEL_MAKE_STARTED := $(shell date +%s)
UV := $(firstword $(wildcard .mendel/tools/bin/uv) uv)
LOCK := requirements/dev.txt

.PHONY: help setup demo up down test lint format lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: ## install everything into .venv (skipped when nothing changed)
	@$(PYTHON) scripts/setup.py

demo: setup ## the whole chain on real text through Airflow, then the result; stops what it started
	@$(BIN)/python scripts/demo.py

up: setup ## Airflow, MLflow and Data Docs, staying up
	@$(BIN)/python scripts/stack.py up

down: ## stop what `make up` started
	@test ! -x $(BIN)/python || $(BIN)/python scripts/stack.py down

test: setup ## all tests
	@$(BIN)/python -m pytest

lint: setup ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy tasks plugins

format: setup ## ruff's formatter and safe fixes
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: setup ## compile requirements/ from pyproject.toml
	$(UV) pip compile pyproject.toml --extra dev --python-version 3.11 --quiet --no-header --annotation-style line -o $(LOCK)
	sed -i 's/^\(torch==[0-9.]*\)+cpu/\1/' $(LOCK)  # the CPU build is chosen at set-up, not by the lock

clean: down ## remove all that was made here
	rm -rf .venv .mendel .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
