# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
APP ?= services/coffee.py

# Programs that are started a hundred times keep their bytecode, also where somebody's environment says not to.
unexport PYTHONDONTWRITEBYTECODE

# What a target misses, and where somebody else has to install it: as root on Debian it installs it itself. Of targets that
# are made at once each waits for the other; what a package starts does not get the lock.
INSTALL = if [ -n "$${missing\# }" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $$missing"; \
	  flock --close /var/lib/dpkg sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$@" >/dev/null' install $$missing; fi

.DEFAULT_GOAL := help
.PHONY: help install templates test test-python test-services test-integration test-press test-browser check types imports lint output simulate local rehearse mutants pictures buildspecs golden bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cfngen needs Python 3.11 or newer; name one as in: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

# The generator alone: quick to set up.
.venv/generator: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Everything that tests and checks need, the generator too.
.venv/developer: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch .venv/generator $@

install: .venv/developer ## a virtual environment with everything in it

templates: .venv/generator ## write templates/ from services/coffee.py
	$(BIN)/cfngen generate $(APP)

test: test-python test-services ## every test

test-python: .venv/developer
	$(BIN)/pytest

test-services: ## the services' unit tests; no database, no container
	@command -v npm >/dev/null || { echo "the services' tests need Node 20 or newer with npm; on Debian: apt-get install nodejs npm"; exit 1; }
	@node --test --test-reporter=spec services/*.test.mjs
	@for service in customer employee; do npm --prefix services/$$service ci --silent --no-fund --no-audit && npm --prefix services/$$service test --silent || exit 1; done

test-integration: .venv/developer ## both services against a real MariaDB with TLS, listener rules in a real haproxy, as root both container engines and databases. As root on Debian it installs what is missing
	@missing="$$($(BIN)/python -m cfngen.rehearse.parts --only run --engine docker --database mysql)" || exit 1; \
	missing="$$missing $$($(BIN)/python -m cfngen.rehearse.parts --only run --engine podman --database postgres)" || exit 1; \
	command -v openssl >/dev/null || missing="$$missing openssl"; \
	$(INSTALL)
	@command -v npm >/dev/null || { echo "these tests need Node 20 or newer with npm; on Debian: apt-get install nodejs npm"; exit 1; }
	@PATH="$$PATH:/usr/sbin"; command -v mariadbd >/dev/null || { echo "these tests need MariaDB; on Debian: apt-get install mariadb-server openssl"; exit 1; }
	@for package in customer employee integration; do npm --prefix services/$$package ci --silent --no-fund --no-audit || exit 1; done
	@npm --prefix services/integration run --silent test:integration
	$(BIN)/pytest -n0 -q tests/rules_in_haproxy.py
	@if [ "$$(id -u)" = 0 ]; then \
	  command -v psql >/dev/null || { echo "the test of databases needs PostgreSQL; on Debian: apt-get install postgresql postgresql-client"; exit 1; }; \
	  $(BIN)/pytest -n0 -q tests/databases.py; else echo "the test of databases needs root: not run"; fi
	@if [ "$$(id -u)" = 0 ]; then for engine in docker podman; do \
	  missing="$$($(BIN)/python -m cfngen.rehearse.parts --only build --engine $$engine)" || exit 1; \
	  [ -z "$$missing" ] || { echo "the test of container engines needs these; on Debian: apt-get install --no-install-recommends $$missing"; exit 1; }; done; \
	  $(BIN)/pytest -n0 -q tests/engines.py; else echo "the test of container engines needs root: not run"; fi

test-press: .venv/developer ## rehearse an application that is nothing like coffee, in a repository of its own
	tests/press/rehearse.sh $(BIN)/cfngen

check: .venv/developer ## format, lint, types, imports, tests, lint of the output, freshness
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) types test-services output imports lint
	@$(MAKE) --no-print-directory test-python

types: .venv/developer
	$(BIN)/mypy

imports: .venv/developer
	$(BIN)/lint-imports

lint: .venv/developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

output: .venv/developer
	$(BIN)/cfngen check $(APP)

simulate: .venv/developer ## twenty times as many histories as the tests play, each run other ones; TIMES=n for more
	CFNGEN_HISTORIES=$(or $(TIMES),20) $(BIN)/pytest -q --dist load tests/test_histories.py tests/test_specimens.py

local: .venv/developer ## a local AWS in the background; DO=down ends it, DO=status tells what it holds
	@$(BIN)/cfngen local $(or $(DO),up)

rehearse: .venv/developer ## act a stage out on this machine with real parts; STAGE=prod for another, OPTIONS='--engine docker --keep' and others. As root on Debian it installs what is missing
	@missing="$$($(BIN)/cfngen rehearse $(APP) $(if $(STAGE),--stage $(STAGE)) $(OPTIONS) --missing)" || exit 1; \
	$(INSTALL)
	$(BIN)/cfngen rehearse $(APP) $(if $(STAGE),--stage $(STAGE)) $(OPTIONS)

test-browser: .venv/developer ## pages that are wrong in one way each must fail the rehearsal's look; needs Chromium, which it installs as root on Debian
	@missing="$$($(BIN)/python -c 'from cfngen.rehearse import parts; print(parts.missing(parts.LOOK))')" || exit 1; \
	$(INSTALL)
	$(BIN)/pytest -q --numprocesses 0 browser_tests

mutants: .venv/developer ## change the templates of coffee's production one place at a time; what does nobody notice?
	cd tests && ../$(BIN)/python mutants.py

pictures: .venv/developer ## draw the pictures and tables of docs/traffic.md anew
	cd tests && ../$(BIN)/python pictures.py

buildspecs: .venv/developer ## compile buildspecs/buildspec.yml.j2 to Python
	cd tests && ../$(BIN)/python buildspecs.py
	$(BIN)/ruff format --quiet cfngen/artifacts/packaged.py

golden: .venv/developer ## rewrite the expected texts of the tests; read the difference before you commit it
	$(BIN)/pytest -q --numprocesses 0 --golden

bench: .venv/developer ## CPU and memory of `generate` and of the local AWS; FLOOR=folder compares with a bare program
	$(BIN)/python bench/bench.py $(if $(FLOOR),--floor $(FLOOR))
	$(BIN)/python bench/local.py

clean: ## remove what make made, but not templates/
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
