# Each target sets up .venv by itself, once; all it needs is make and Python 3.11 or later.
.DEFAULT_GOAL := help
.PHONY: help demo test test-long wheel-test check release-check bench bench-query capacity prove screenshots

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENGINE := $(VENV)/.engine
ENGINE_SOURCES := $(wildcard collector/native/*.toml collector/native/src/*.rs collector/native/src/*/*.rs)
PYTEST := $(BIN)/python -m pytest
CANDIDATES := $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 python
ADEQUATE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
# Where the environment forbids caches, each process would compile all sources anew, and tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

help:  ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

demo: $(READY) $(ENGINE)  ## a collector, three example agents and 200 replayed runs, in under a minute
	@$(BIN)/agenttrace demo

test: $(READY) $(ENGINE)  ## the tests that take seconds
	@$(PYTEST) -q -n auto --dist loadfile -m "not long"

test-long: $(READY) $(ENGINE)  ## the tests that take longer: other programs, installations, proofs in their short versions
	@$(PYTEST) -q -n auto --dist loadfile -m long

wheel-test: $(READY)  ## build sdist and wheel, install them bare, test from outside; SLOW=1: every test
	@$(BIN)/python -m tests.wheel

check: $(READY)  ## lint, format, types, architecture
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(PYTEST) -q -m "not slow and not long" tests/architecture

release-check: $(READY)  ## everything a release needs: checks, tests, the wheel's tests, the demo, the changelog
	@$(MAKE) --no-print-directory check test test-long wheel-test demo
	@$(BIN)/python -m tests.release

bench-query: $(READY)  ## how long answers take on a million decisions; MILLIONS=10 for ten
	@$(BIN)/python -m tests.bench.bench_query

bench: $(READY) $(ENGINE)  ## rates, CPU time and memory on this machine; NAME=… for one of tests/bench
	@for file in tests/bench/bench_$(or $(subst -,_,$(NAME)),*).py; do \
	  $(BIN)/python -m "tests.bench.$$(basename "$$file" .py)" || exit 1; done

capacity: $(READY) $(ENGINE)  ## the coefficients of deploy/CAPACITY.md measured again; UPDATE=1 writes them
	@$(BIN)/python -m tests.capacity

screenshots: $(READY)  ## every page in light and dark at two widths, to build/screenshots
	@SCREENSHOTS=build/screenshots $(PYTEST) -q tests/pages/test_browser.py -k drawn

prove: $(READY) $(ENGINE)  ## NAME=…: one long proof of tests/prove in full
	@test -f "tests/prove/test_$(subst -,_,$(NAME)).py" || { \
	  echo "make prove NAME=… is one of:"; \
	  ls tests/prove 2>/dev/null | sed -nE 's/^test_(.*)\.py$$/  \1/p' | tr _ -; exit 2; }
	@PROVE=full $(PYTEST) -q -s --timeout 0 "tests/prove/test_$(subst -,_,$(NAME)).py"

$(READY): pyproject.toml deploy/constraints.txt
	@test -x $(BIN)/python || for python in $(CANDIDATES); do \
	  if "$$python" -c "$(ADEQUATE)" 2>/dev/null; then "$$python" -m venv $(VENV) && break; fi; done
	@test -x $(BIN)/python || { echo "Python 3.11 or later with venv is needed; say which: make PYTHON=…"; exit 1; }
	@echo "Setting up $(VENV), once: this takes a minute or two …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[dev]'
	@touch $@

# The compiled engine: whether it is built or not, everything works.
$(ENGINE): $(READY) $(ENGINE_SOURCES)
	@if ! command -v cargo >/dev/null; then \
	  echo "The compiled decoding engine is not built, because there is no cargo: requests are decoded in Python."; \
	elif mkdir -p build && CARGO_TARGET_DIR="$(CURDIR)/build/native" $(BIN)/python -m pip install --quiet \
	  --disable-pip-version-check --no-deps ./collector/native >build/native.log 2>&1; then touch $@; \
	else echo "The compiled decoding engine could not be built (see build/native.log): requests are decoded in Python."; fi
