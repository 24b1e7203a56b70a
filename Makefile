# Every command of the project. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
SAM := .venv-sam/bin
ENV ?= default
JOBS ?= 2

.PHONY: help setup run demo outage test soak check fix bench lock build validate deploy clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

##### Setting up

# Three environments, because the emulator, the SAM CLI and checkov each pin another botocore.
setup: .venv/ready ## install what the local stack and the tests need (once)

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed.")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.venv-%/ready: requirements-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

##### Using it here

# PORT, AWS_PORT, STATE, SEED, ADMIN_EMAIL and ADMIN_PASSWORD: see docs/local.md.
export PORT AWS_PORT STATE SEED ADMIN_EMAIL ADMIN_PASSWORD VERBOSE STRICT
run: setup ## start the local stack with a sample project; Ctrl-C stops it
	@exec $(BIN)/python -m local

demo: setup ## play the whole main job against a stack of its own (FORM=path for another form)
	@exec $(BIN)/python -m local.demo $(FORM)

outage: setup ## drill an outage of a hook's receiver against a stack of its own (COUNT=500)
	@exec $(BIN)/python -m local.outage $(COUNT)

##### Checking it

test: setup .venv-sam/ready .venv-checkov/ready check ## run every check and all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

# SOAK says how many runs; a seed (SEED_OF=n) repeats one.
soak: setup ## let everything happen to hooks, at random, for long (SOAK=1000 runs)
	SOAK=$${SOAK:-1000} $(BIN)/python -m pytest tests/stateful $(if $(SEED_OF),--hypothesis-seed=$(SEED_OF))

check: setup ## lint, format, types, imports, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=layers/core $(BIN)/lint-imports --no-cache
	$(BIN)/codespell

fix: setup ## mend what the linters can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## measure import times, cost, exports and hooks; prints tables
	$(BIN)/python -m bench.imports
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.exports
	$(BIN)/python -m bench.hooks

lock: ## pin all dependencies anew
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet pip-tools==7.6.2
	.venv-lock/bin/pip-compile $(LOCKING) --output-file layers/core/requirements.txt pyproject.toml
	.venv-lock/bin/pip-compile $(LOCKING) --extra dev --output-file requirements-dev.txt pyproject.toml
	.venv-lock/bin/pip-compile $(LOCKING) --output-file requirements-sam.txt requirements-sam.in
	.venv-lock/bin/pip-compile $(LOCKING) --output-file requirements-checkov.txt requirements-checkov.in

LOCKING := --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

##### Deploying it

validate: .venv-sam/ready ## check the template
	$(SAM)/sam validate --lint

build: .venv-sam/ready ## build functions and layer
	$(SAM)/sam build --cached --parallel

deploy: build ## deploy (ENV=staging, production, or a project of samconfig.toml)
	$(SAM)/sam deploy --config-env $(ENV)

clean: ## remove what the commands above made, the local stack's data too
	rm -rf .venv .venv-* .aws-sam .state .mypy_cache .ruff_cache .pytest_cache .hypothesis
