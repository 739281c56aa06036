# Everything a checkout needs. `make demo` and `make test` do all the set-up themselves.
# Works with plain venv and pip; uses uv when it is there.

PYTHON ?= $(shell command -v python3 || command -v python3.11)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
PATHS := src adapters recipes tests bench fuzz
CORPORA ?= ../shared/eval
FUZZ_SECONDS ?= 60
SOAK_RUNS ?= 20000

.PHONY: help demo test check fix bench fuzz soak docs wheel clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(STAMP)  ## run the main recipe: a LangChain agent whose tools stand behind one policy
	@$(BIN)/python recipes/langchain_agent.py

test: check  ## install, lint, type-check, run every test
	$(BIN)/python -m pytest -n auto

check: $(STAMP)  ## lint and type-check
	$(BIN)/ruff check $(PATHS)
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/mypy

fix: $(STAMP)  ## repair what the linter can repair, and format
	$(BIN)/ruff check --fix $(PATHS)
	$(BIN)/ruff format $(PATHS)

bench: $(VENV)/.bench  ## measure beside the peers, and write bench/results/
	$(BIN)/python -m bench.guard --json > bench/results/guard.json
	$(BIN)/python -m bench.imports --json > bench/results/imports.json
	$(BIN)/python -m bench.identity --json > bench/results/identity.json
	$(BIN)/python -m bench.limits --json > bench/results/limits.json
	$(BIN)/python -m bench.scan_speed --json > bench/results/scan_speed.json
	$(BIN)/python -m bench.restricted $(wildcard $(CORPORA)) --json > bench/results/restricted.json
	$(BIN)/python -m bench.sandbox --json > bench/results/sandbox.json
ifneq ($(wildcard $(CORPORA)/*.jsonl),)
	$(BIN)/python -m bench.scan $(CORPORA) --json > bench/results/scan.json
	$(BIN)/python -m bench.results $(CORPORA) --json > bench/results/results.json
	$(BIN)/python -m bench.traces $(CORPORA) --json > bench/results/traces.json
endif
	$(BIN)/python -m bench.tables

fuzz: $(VENV)/.fuzz  ## look for sources that break the scanner, and snippets that break the restricted tier, FUZZ_SECONDS each
	for language in python shell javascript sql path url; do \
	  $(BIN)/python -m fuzz.scan $$language -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
	$(BIN)/python -m fuzz.restricted -max_total_time=$(FUZZ_SECONDS)

soak: $(STAMP)  ## run the sandbox 20,000 times in a row, and check that nothing grows
	$(BIN)/python -m tests.sandbox.soak $(SOAK_RUNS)

docs: $(VENV)/.docs  ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

wheel: $(STAMP)  ## build the wheel and the source distribution into dist/
ifdef UV
	uv build --quiet
else
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build
endif

clean:  ## remove what the other targets made
	rm -rf $(VENV) dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/pyvenv.cfg:
ifdef UV
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

$(STAMP): pyproject.toml $(VENV)/pyvenv.cfg
	$(call install,dev)
	@touch $@

$(VENV)/.docs: $(STAMP)
	$(call install,docs)
	@touch $@

$(VENV)/.bench: $(STAMP)
	$(call install,bench)
	@touch $@

$(VENV)/.fuzz: $(STAMP)
	$(call install,fuzz)
	@touch $@

ifdef UV
install = uv pip install --quiet --python $(BIN)/python -e '.[$(1)]'
else
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(1)]'
endif
