# make run        the demo, on a machine that has Python 3.11+ and nothing else
# make check      format, lint, types, contracts: ruff, mypy --strict, import-linter, tests/house.py, hadolint
# make test-fast  the unit tests that start no process and try nothing that takes long, in under 30 seconds
# make test       unit, contract and behaviour tests against a real Valkey or Redis
# make test-versions  `make test` on every supported Python that the machine has
# make coverage   the same, and which lines and branches of gateway/ they run
# make compliance the Autobahn test suite through the tunnel, and an HTTP/1.1 conformance probe
# make fuzz       other examples for the tests that make theirs up, then the readers, fed by what new branches they take,
#                 a minute each (Linux; SECONDS=600 for longer)
# make e2e        the same program among foreign parts: clients, proxies, issuers, databases
# make charts     the Helm chart and a cluster's policies, by helm, egctl, Traefik and Envoy (minutes, the first time)
# make e2e-go     oauth2-proxy, built from its Go module, beside the program: the same requests, and the same browser
#                 (minutes, the first time; after `make e2e`, which gets the browser)
# make proto      the descriptors of Envoy's messages, from gateway/ext_authz/external_auth.proto
# make lock       the lock files anew, with the newest versions that pyproject.toml allows
# make bench      the benchmark tables (needs nginx and wrk)
# make profile    where a request's CPU time goes, by module (needs py-spy besides)

PYTHON ?= python3
BIN := .venv/bin
QUIETLY := --quiet --disable-pip-version-check

# A container often asks for no compiled files; the tests start the program, and themselves, some hundred times, and each
# would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run check lint test-fast test test-versions coverage compliance fuzz e2e charts e2e-go proto lock bench profile clean

run: .venv/.demo
	@exec $(BIN)/gateway demo

# A file's tests stay together, so that they share the servers that they start.
SPREAD := -n auto --dist loadfile
PYTEST := $(BIN)/python -m pytest $(SPREAD)

test-fast: .venv/.dev
	@$(PYTEST) -n logical -m 'not processes and not slow' -p no:schemathesis --hypothesis-profile few tests/unit

test: .venv/.dev
	@$(PYTEST)

test-versions:
	@tests/versions

# `make test`, and how much of gateway/ it runs, branches and other processes included; fails below the figure in README.
coverage: .venv/.dev
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest $(SPREAD)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --sort=cover

# The Autobahn test suite through the tunnel, and what RFC 9110 and RFC 9112 ask of a server.
compliance: .venv/.dev
	@$(BIN)/python -m pytest tests/compliance

SECONDS := 60
fuzz: .venv/.dev
	@$(PYTEST) -m hypothesis --hypothesis-profile random
	@$(BIN)/python -m pip install $(QUIETLY) atheris==3.0.0
	@for target in request_reader response_reader target cookie; do \
	    $(BIN)/python -m tests.fuzz.run $$target $(SECONDS) || exit 1; \
	done

e2e: .venv/.dev
	@tests/e2e/run

charts: .venv/.dev
	@tests/charts/run

e2e-go: .venv/.dev
	@tests/e2e_go/run

check lint: .venv/.dev
	@$(BIN)/ruff check gateway tests
	@$(BIN)/ruff format --check gateway tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/house.py
	@$(BIN)/hadolint deploy/docker/Dockerfile

proto: .venv/.dev
	@$(BIN)/python -m grpc_tools.protoc -Igateway/ext_authz --descriptor_set_out=gateway/ext_authz/external_auth.binpb external_auth.proto

bench: .venv/.dev
	@$(BIN)/python tests/bench/run.py
	@$(BIN)/python tests/bench/authenticated.py
	@$(BIN)/python tests/bench/by_credential.py
	@$(BIN)/python tests/bench/growth.py
	@$(BIN)/python tests/bench/own_answers.py
	@$(BIN)/python tests/bench/tiers.py
	@$(BIN)/python tests/bench/memory.py
	@$(BIN)/python tests/bench/latency.py

profile: .venv/.dev
	@$(BIN)/python tests/bench/hot_modules.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build

# An environment whose making was interrupted has a Python and no pip: it is made anew.
MENDED := $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...'; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml | .venv/bin/python
	@$(MENDED)
	@echo 'Installing (once) ...'
	@$(BIN)/python -m pip install $(QUIETLY) -e '.[demo]'
	@touch $@

.venv/.dev: pyproject.toml requirements/build.lock requirements/dev.lock | .venv/bin/python
	@$(MENDED)
	@echo 'Installing the development extra (once) ...'
	@$(BIN)/python -m pip install $(QUIETLY) --require-hashes -r requirements/build.lock -r requirements/dev.lock
	@$(BIN)/python -m pip install $(QUIETLY) --no-deps --no-build-isolation -e .
	@touch $@ .venv/.demo

# Renews the lock files: the newest versions that pyproject.toml allows.
lock: .venv/bin/python
	@requirements/renew
