# Two commands are enough: `make demo` shows the whole way, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CHECKOV := .venv-checkov/.installed
BROWSER := .venv/.browser
FUZZER := .venv/.fuzzer

.PHONY: demo test test-all test-providers lint bench bench-memory bench-wan format clean

demo: $(STAMP)
	$(BIN)/python -m benchmarks.demo

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: lint $(CHECKOV) $(BROWSER) $(FUZZER)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# The modules under the real providers, those of a filesystem mirror: make test-providers SKYTF_PROVIDER_MIRROR=/path
test-providers: $(STAMP)
	SKYTF_PROVIDER_MIRROR="$(SKYTF_PROVIDER_MIRROR)" $(BIN)/python -m pytest -m slow -v -rs tests/providers

lint: $(STAMP)
	$(BIN)/lint-imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# 50 GiB twice, once at a tenth of the pace: some ten minutes
bench-memory: $(STAMP)
	$(BIN)/python -m benchmarks.memory

# Gateways on emulated long links; needs root (network namespaces) and takes about ten minutes.
bench-wan: $(STAMP)
	$(BIN)/python -m benchmarks.wan

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-checkov build

$(STAMP): requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("skytf needs Python 3.11 or newer; this is %d.%d: try make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

# Drives the Chromium of this machine; without one the tests of plan.html are skipped, and say so.
$(BROWSER): $(STAMP) requirements/browser.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.lock
	touch $(BROWSER)

$(FUZZER): $(STAMP) requirements/fuzz.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.lock
	touch $(FUZZER)

$(CHECKOV): requirements/checkov.lock
	test -x .venv-checkov/bin/python || $(PYTHON) -m venv .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/checkov.lock
	touch $(CHECKOV)
