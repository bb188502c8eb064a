# One vocabulary for people and CI: every target is a line or two over scripts/ and .venv.
PYTHON ?= python3
export JAVA_HOME ?= $(shell cat .mendel/java_home 2>/dev/null)
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE # where it is set, each stage would compile torch, transformers and mlflow anew: ten seconds
export NUMBA_CACHE_DIR ?= $(CURDIR)/.mendel/numba # set-up has compiled into it
export MENDEL_MAKE_STARTED := $(shell date +%s)
UV = $(firstword $(wildcard .mendel/tools/bin/uv) uv)
LOCK := requirements/dev.txt

.PHONY: help setup demo up down test coverage images compose-env chart marts cluster-test bench docs lint extras format lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

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

coverage: setup ## all tests, and which lines they run, in htmlcov/
	@$(BIN)/python -m pytest --cov=mendel --cov=mendel_airflow --cov-report=term --cov-report=html

images: ## container images, with docker, podman or buildah; ONLY="tasks mlflow stack" for some of them
	@$(PYTHON) scripts/images.py $(ONLY)

compose-env: ## .env for docker compose, with random passwords
	@$(PYTHON) scripts/compose_env.py

cluster-test: setup ## stages as pods on the cluster of KUBECONFIG, which must know the images
	@MENDEL_CLUSTER_TEST=1 $(BIN)/python -m pytest tests/cluster -v --no-skips --timeout 3600

chart: setup ## the chart's table of values, its dependency where absent, and its tests
	@ls charts/mendel/charts/airflow-*.tgz >/dev/null 2>&1 || helm dependency build charts/mendel
	@$(BIN)/python scripts/chart_values.py && $(BIN)/python -m pytest tests/chart --no-skips

marts: setup ## dbt in an environment of its own, .mendel/dbt, and the tests of the marts
	@$(BIN)/python scripts/dbt.py && $(BIN)/python -m pytest tests/unit/marts --no-skips

bench: setup ## figures beside peers, which it installs: an hour; ONLY="corruption inference" for some of them
	@$(UV) pip install --quiet --python $(BIN)/python --constraint $(LOCK) -e '.[bench]'
	@for bench in $(or $(ONLY),restoration corruption training inference profiles serving promotion); do $(BIN)/python bench/$$bench.py || exit; done

docs: setup ## the documentation as a site, in site/; a broken link fails
	@$(UV) pip install --quiet --python $(BIN)/python --constraint $(LOCK) --requirement pyproject.toml --extra docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: setup ## ruff, mypy, the layers that imports keep to, and the workflows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy tasks plugins dags scripts bench docker tests
	@$(BIN)/lint-imports --no-logo && $(BIN)/zizmor --offline --quiet .github

extras: setup ## does every extra of pyproject.toml import alone? ONLY="client serve" for some of them
	@$(BIN)/python scripts/extras.py $(ONLY)

format: setup ## ruff's formatter and safe fixes
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: setup ## compile requirements/ from pyproject.toml, with hashes
	@$(BIN)/python scripts/lock.py $(ONLY)

clean: down ## remove all that was made here
	rm -rf .venv .mendel site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
