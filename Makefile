# make run        the demo, on a machine that has Python 3.11+ and nothing else
# make check      format, lint, types, contracts: ruff, mypy --strict, import-linter, tests/house.py, hadolint
# make test-fast  the unit tests that start no process, in under 30 seconds
# make test       unit, contract and behaviour tests against a real Valkey or Redis
# make e2e        the same program among foreign parts: clients, proxies, issuers, databases
# make bench      the benchmark tables (needs nginx and wrk)
# make profile    where a request's CPU time goes, by module (needs py-spy besides)

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run check lint test-fast test e2e bench profile clean

run: .venv/.demo
	@exec $(BIN)/gateway demo

# A file's tests stay together, so that they share the servers that they start. At most four processes: a container
# often sees more cores than it may use.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-fast: .venv/.dev
	@$(PYTEST) -m 'not processes' tests/unit

test: .venv/.dev
	@$(PYTEST)

e2e: .venv/.dev
	@tests/e2e/run

check lint: .venv/.dev
	@$(BIN)/ruff check gateway tests
	@$(BIN)/ruff format --check gateway tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/house.py
	@$(BIN)/hadolint deploy/docker/Dockerfile

bench: .venv/.dev
	@$(BIN)/python tests/bench/run.py
	@$(BIN)/python tests/bench/authenticated.py
	@$(BIN)/python tests/bench/growth.py
	@$(BIN)/python tests/bench/own_answers.py
	@$(BIN)/python tests/bench/tiers.py
	@$(BIN)/python tests/bench/memory.py

profile: .venv/.dev
	@$(BIN)/python tests/bench/hot_modules.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...'; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml | .venv/bin/python
	@echo 'Installing (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	@echo 'Installing the development extra (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/.demo
