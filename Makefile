# The commands of the project. `make up` needs Python 3.11 or newer and a package registry, nothing else.
SHELL := /bin/sh
BIN := .venv/bin
CODE := portal retrieval ingestion llm bench manage.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Given to make (make up PORT=8001) or to its environment (PORT=8001 make up), they reach the settings alike.
export PORT VAR_DIR

.PHONY: help up up-vllm link install dev lint format test test-vllm test-llamacpp torture bench bench-ingest
.PHONY: bench-search bench-answer lock

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: install ## Start everything in the foreground; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

up-vllm: install .venv-vllm/.installed ## Start everything with a vLLM server for MODEL=... beside it
	@exec $(BIN)/python manage.py up --vllm "$(MODEL)"

link: install ## Print a new one-time sign-in link for ADMIN_EMAIL, or for EMAIL=...
	@$(BIN)/python manage.py sign_in_link $(EMAIL)

install: .venv/.installed ## Make .venv with the locked dependencies

.venv/.installed: requirements.lock
	@sh portal/stack/install.sh
	@touch $@

dev: install .venv/.installed-dev

.venv/.installed-dev: requirements-dev.lock requirements.lock
	@echo "Installing the tools for tests and lint."
	@$(BIN)/pip install --quiet -r requirements-dev.lock
	@touch $@

lint: dev ## Check style, types, layers, templates and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE) tests
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	DJANGO_SETTINGS_MODULE=tests.settings_lint $(BIN)/python manage.py makemigrations --check --dry-run

format: dev ## Put code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: dev ## Run every test: unit, service, HTTP, worker, browser
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-vllm: dev .venv-vllm/.installed ## Run the contract tests against a real vLLM server on this machine's CPU
	VLLM_PYTHON=$(CURDIR)/.venv-vllm/bin/python $(BIN)/pytest tests/model_servers -m vllm

test-llamacpp: dev .venv-llamacpp/.installed ## Run the same tests against real llama.cpp servers, compiled first
	LLAMACPP_PYTHON=$(CURDIR)/.venv-llamacpp/bin/python $(BIN)/pytest tests/model_servers -m llamacpp

.venv-vllm/.installed: tests/model_servers/vllm/install.sh
	sh tests/model_servers/vllm/install.sh
	@touch $@

.venv-llamacpp/.installed: tests/model_servers/llamacpp/install.sh
	sh tests/model_servers/llamacpp/install.sh
	@touch $@

torture: dev ## Try permissions in 2,000 worlds, kill -9 every part a hundred times under uploads; over an hour
	PERMISSION_SCENARIOS=2000 $(BIN)/pytest -q tests/retrieval/test_permission_scenarios.py
	$(BIN)/python bench/torture.py --uploads 500 --rounds 100
	$(BIN)/python bench/torture.py --uploads 100 --rounds 10 --redis

bench: dev .venv-unstructured/.installed ## Print each figure beside its reference
	@for name in startup embedding parser ingest search answer estimates; do $(BIN)/python -m bench.$$name || exit 1; done

bench-ingest: dev .venv-unstructured/.installed ## Print how fast documents are read, embedded and stored
	$(BIN)/python -m bench.ingest

bench-search: dev ## Print how quick search is as the library grows, and under load; ARGS="--sizes 4000 100000"
	$(BIN)/python -m bench.search_growth $(ARGS)

bench-answer: dev ## Print how soon answers begin beside search alone, and what fifty at once hold
	$(BIN)/python -m bench.answer

.venv-unstructured/.installed: bench/tools/install_unstructured.sh
	sh bench/tools/install_unstructured.sh
	@touch $@

lock: dev ## Write the lock files from what .venv holds
	@$(BIN)/python .ci/lock.py
