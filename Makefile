# `make demo` and `make test` need Python 3.10 or newer and nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# The version of LiteLLM that everything is built and proven on.
LITELLM ?= 1.106.2
# The leaderboard whose conversations the tools are tried with.
BFCL ?= 2026.3.23
STARTED := $(shell date +%s)
TOOK = @echo "$@ took $$(( $$(date +%s) - $(STARTED) )) s, with what had to be installed"

export LITELLM_LOCAL_MODEL_COST_MAP = True

.PHONY: demo test test-fast test-proxy test-agents test-bfcl test-live-model test-versions test-versions-short lint mutants
.PHONY: build schema soak bench bench-server bench-sandbox bench-mini bench-codex bench-counts clean

demo: $(VENV)/demo
	$(BIN)/codex-agent demo
	$(TOOK)

test: $(VENV)/test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest tests
	$(BIN)/python -m coverage combine --quiet --append
	$(BIN)/python -m coverage report --precision=1 --fail-under=95 --format=total
	$(BIN)/python -m coverage report --fail-under=100 --include='*/wire/*,*/provider/*'
	$(TOOK)

test-fast: $(VENV)/test
	$(BIN)/python -m pytest tests -m "not proxy"

test-proxy: $(VENV)/test
	$(BIN)/python -m pytest tests/e2e

test-versions: $(VENV)/uv
	$(BIN)/python tests/versions/run.py
	$(TOOK)

test-versions-short: $(VENV)/uv
	$(BIN)/python tests/versions/run.py --short
	$(TOOK)

# On a real model that you have: CODEX_AGENT_LIVE_MODEL=ollama_chat/qwen3:0.6b make test-live-model
test-live-model: $(VENV)/test
	$(BIN)/python -m pytest tests/live -rs

# The real Codex, of which `make test` runs a part: six minutes or so. CODEX_TEST_BINARY names another one to try too.
test-agents: $(VENV)/test
	AGENTS=1 $(BIN)/python -m pytest tests/codex -rs
	$(TOOK)

# The conversations of the Berkeley leaderboard through our tools and `/agent/run`; with SOAK=1 all of them.
test-bfcl: $(VENV)/bfcl
	$(BIN)/python -m pytest tests/bfcl
	$(TOOK)

# Small faults in the pure parts, one at a time: a quarter of an hour. Which of them may survive is a file with reasons.
mutants: $(VENV)/test
	$(BIN)/python -m tests.mutants
	$(TOOK)

lint: $(VENV)/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The heavy tests at their full size: an hour or so. `make test` runs them small.
soak: $(VENV)/test
	SOAK=1 $(BIN)/python -m pytest tests/e2e tests/server/test_schema.py
	$(TOOK)

# Thousands of requests made from the document, of which `make test` sends a part: ten minutes or so.
schema: $(VENV)/test
	SOAK=1 $(BIN)/python -m pytest tests/server/test_schema.py -s

bench: $(VENV)/test
	$(BIN)/python -m benchmarks --plot docs/explanation/performance.svg

bench-server: $(VENV)/test
	$(BIN)/python -m benchmarks.server

bench-sandbox: $(VENV)/test
	$(BIN)/python -m benchmarks.sandbox

bench-mini: $(VENV)/test
	$(BIN)/python -m benchmarks.mini

# The Codex of the extra, with a scripted model: no outside network.
bench-codex: $(VENV)/test
	$(BIN)/python -m benchmarks.codex

bench-counts: $(VENV)/test
	$(BIN)/python -m benchmarks --counts
	$(BIN)/python -m benchmarks.server server-calls

build: $(VENV)/test
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) .venv-versions dist build .coverage .hypothesis .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet "litellm==$(LITELLM)" -e ".[server]"
	@touch $@

$(VENV)/test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet "litellm[proxy]==$(LITELLM)" -e ".[all,test,lint]"
	@touch $@

# Its classes and its data are all that is used of it, and they need nothing else.
$(VENV)/bfcl: $(VENV)/test
	$(BIN)/python -m pip install --quiet --no-deps "bfcl-eval==$(BFCL)" "mpmath==1.3.0"
	@touch $@

$(VENV)/uv: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet uv
	@touch $@
