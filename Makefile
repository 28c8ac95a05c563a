# Every target sets itself up: Python ≥ 3.11 is all a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOG := $(VENV)/setup.log
STAMP := $(VENV)/.ready
MODEL := runs/digits.safetensors

.DEFAULT_GOAL := help
.PHONY: help train test test-all lint format bench docs experiments wheel clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

train: $(STAMP) ## Train on the bundled handwritten digits and show the result
	@mkdir -p runs
	@$(BIN)/pellucid train digits --out $(MODEL) --overwrite

test: $(STAMP) ## Run the tests
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

test-all: $(STAMP) ## Run the tests, the slow ones too
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "slow or not slow"

lint: $(STAMP) ## Check format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Put the code in its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv-bench/.ready ## Time the training step beside its peers, in an environment of their own
	@.venv-bench/bin/python benchmarks/step.py

docs: $(STAMP) ## Write the generated pages of docs/ anew
	@$(BIN)/python tools/docs.py

experiments: $(STAMP) ## Train the lectures' MNIST models, five seeds; write table and figures
	@$(BIN)/python benchmarks/mnist.py

wheel: $(STAMP) ## Build a wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . >> $(LOG) 2>&1 \
		|| { echo "make: the wheel could not be built; see $(LOG)"; exit 1; }
	@ls dist/*.whl

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) .venv-bench build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv-bench/.ready: pyproject.toml constraints.txt benchmarks/constraints.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@PIP_CONSTRAINT=benchmarks/constraints.txt .venv-bench/bin/python -m pip install --quiet \
		--disable-pip-version-check -e '.[all]' scikit-learn > .venv-bench/setup.log 2>&1 \
		|| { echo "make: the peers could not be installed; see .venv-bench/setup.log"; exit 1; }
	@touch $@

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null \
		|| { echo "make: no $(PYTHON) here; install Python 3.11 or later, or say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: Python 3.11 or later is needed, got $$($(PYTHON) --version 2>&1); say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null \
		|| { echo "make: this Python has no venv module; on Debian: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-e '.[all,dev]' > $(LOG) 2>&1 \
		|| { grep -qiE 'connection|network|resolution|retrying|timed out' $(LOG) \
			&& echo "make: the packages could not be fetched: no network? See $(LOG)" \
			|| echo "make: the packages could not be installed; see $(LOG)"; exit 1; }
	@touch $@
