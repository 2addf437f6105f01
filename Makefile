# `make` alone lists the commands.

PORT ?= 8000
DATA ?= .checkie
VENV ?= .venv
PYTHON ?=
ARGS ?=
BASE ?=

BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export VENV PYTHON

##@ Use

.PHONY: demo
demo: $(RUN) ## Run everything with a demo store. PORT=8000 DATA=.checkie ARGS=--reset
	@exec $(BIN)/checkie demo --port $(PORT) --data $(DATA) $(ARGS)

.PHONY: setup
setup: $(DEV) ## Install the pinned packages into .venv. PYTHON=python3.13 VENV=.venv

$(RUN): requirements/run.lock scripts/setup
	@scripts/setup run
	@touch $@

$(DEV): $(RUN) requirements/dev.lock
	@scripts/setup dev
	@touch $@

##@ Check

.PHONY: check
check: $(DEV) ## Run the checks that every commit must pass: format lint types arch unit
	@$(MAKE) --jobs=2 --keep-going --output-sync=target format lint types arch unit

.PHONY: format
format: $(DEV) ## Check the format of the code (make fix repairs it)
	@$(BIN)/ruff format --quiet --check . || { echo "make fix formats these files."; exit 1; }

.PHONY: lint
lint: $(DEV) ## Run ruff with all rules
	@$(BIN)/ruff check --quiet .

.PHONY: types
types: $(DEV) ## Run mypy --strict
	@$(BIN)/mypy --no-error-summary

.PHONY: arch
arch: $(DEV) ## Check the architecture: imports, sizes, names, banned calls
	@$(BIN)/pytest -q --durations=0 --durations-min=1 tests/arch $(ARGS)

.PHONY: unit
unit: $(DEV) ## Run the tests without I/O
	@$(BIN)/pytest -q --durations=0 --durations-min=1 tests/unit $(ARGS)

.PHONY: test
test: $(DEV) ## Run all tests; as root, install Chromium and Go first. ARGS='tests/db -x'
	@scripts/tools
	@$(BIN)/pytest $(ARGS)

.PHONY: bench
bench: $(RUN) ## Measure checkouts per second and the physical limit; writes DATA/bench.json
	@exec $(BIN)/python -m bench --data $(DATA) $(ARGS)

.PHONY: bench-against
bench-against: $(RUN) ## Compare with the release in the folder BASE, in turns. BASE=../last ARGS='--pairs 10'
	@test -n "$(BASE)" || { echo "BASE must be the folder of another release: git worktree add ../last TAG"; exit 1; }
	@exec $(BIN)/python -m bench --data $(DATA) --against $(BASE) $(ARGS)

##@ Develop

.PHONY: fix
fix: $(DEV) ## Format the code and apply ruff's fixes
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

.PHONY: docs
docs: $(DEV) ## Generate docs/generated from the code
	@$(BIN)/python -m scripts.docs

.PHONY: new-module
new-module: $(DEV) ## Write the skeleton of a module. NAME=coupons ROW=promotions (its neighbour) PREFIX=cou (of its ids)
	@$(BIN)/python -m scripts.new_module "$(NAME)" --row "$(ROW)" --prefix "$(PREFIX)"
	@$(MAKE) fix docs

.PHONY: messages
messages: $(DEV) ## Bring the translations' catalogues up to date with the source
	@$(BIN)/python -m scripts.messages

.PHONY: screenshots
screenshots: $(DEV) ## Take screenshots of every page in four variants into .cache/screenshots
	@scripts/tools
	@$(BIN)/python -m scripts.screenshots

.PHONY: lock
lock: $(RUN) ## Pin the packages that pyproject.toml allows, with hashes. ARGS=--upgrade
	@scripts/lock $(ARGS)

.PHONY: clean
clean: ## Delete .venv, caches and the data in .checkie
	rm -rf .venv .cache .checkie build src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST)); echo
