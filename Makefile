# `make` alone lists what there is.

PORT ?= 8000
DATA ?= .checkie
VENV ?= .venv
PYTHON ?=
ARGS ?=

BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export VENV PYTHON

##@ Use it

.PHONY: demo
demo: $(RUN) ## Start everything with a demo store. PORT=8000 DATA=.checkie ARGS=--reset
	@exec $(BIN)/checkie demo --port $(PORT) --data $(DATA) $(ARGS)

.PHONY: setup
setup: $(DEV) ## Install all that is pinned into .venv. PYTHON=python3.13 chooses, VENV=elsewhere moves

$(RUN): requirements/run.lock scripts/setup
	@scripts/setup run
	@touch $@

$(DEV): $(RUN) requirements/dev.lock
	@scripts/setup dev
	@touch $@

##@ Check it

.PHONY: check
check: $(DEV) ## What a commit must pass, in under 30 s: format lint types arch unit
	@$(MAKE) --jobs=2 --keep-going --output-sync=target format lint types arch unit

.PHONY: format
format: $(DEV) ## Is the code formatted? (make fix formats it)
	@$(BIN)/ruff format --quiet --check . || { echo "make fix formats these"; exit 1; }

.PHONY: lint
lint: $(DEV) ## ruff, all rules
	@$(BIN)/ruff check --quiet .

.PHONY: types
types: $(DEV) ## mypy, strict
	@$(BIN)/mypy --no-error-summary

.PHONY: arch
arch: $(DEV) ## Rows, front doors, sizes, names, banned calls
	@$(BIN)/pytest -q --durations=0 --durations-min=1 tests/arch $(ARGS)

.PHONY: unit
unit: $(DEV) ## Tests without I/O
	@$(BIN)/pytest -q --durations=0 --durations-min=1 tests/unit $(ARGS)

.PHONY: test
test: $(DEV) ## The whole suite; installs Chromium and Go where it may. ARGS=tests/db -x
	@scripts/tools
	@$(BIN)/pytest $(ARGS)

.PHONY: bench
bench: $(RUN) ## Measure checkouts a second beside the physical limit; writes DATA/bench.json
	@exec $(BIN)/python -m bench --data $(DATA) $(ARGS)

##@ Work on it

.PHONY: fix
fix: $(DEV) ## Format, and repair what ruff can
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

.PHONY: docs
docs: $(DEV) ## Write docs/generated from the code
	@$(BIN)/python -m scripts.docs

.PHONY: messages
messages: $(DEV) ## Bring the translations' catalogues up to date with the source
	@$(BIN)/python -m scripts.messages

.PHONY: screenshots
screenshots: $(DEV) ## Pictures of every page, in four sizes and modes, into .cache/screenshots
	@scripts/tools
	@$(BIN)/python -m scripts.screenshots

.PHONY: lock
lock: $(RUN) ## Pin the newest versions that pyproject.toml allows. ARGS=--upgrade
	@scripts/lock $(ARGS)

.PHONY: clean
clean: ## Remove .venv, caches and the data in .checkie
	rm -rf .venv .cache .checkie build src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST)); echo
