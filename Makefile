# `make demo` and `make test` are all a fresh machine needs: Python 3.11+ and make.
PYTHON ?= python3
PYTHON311 ?= $(shell command -v python3.11)
JOBS ?= 2
BACKENDS ?= jax torch
TORCH ?= 2.13.0
PARALLEL = -n $(JOBS) --dist loadfile
QUICK = not slow and not distributed and not tutorial and not deployment
export TF_CPP_MIN_LOG_LEVEL ?= 2
# JAX compiles each program of the tests once, whichever process comes to it first
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/build/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1

.PHONY: demo test test-distributed test-tutorials test-deployment test-backends test-addons test-package \
	test-oldest soak tutorials docs bench lint clean

demo: .venv/installed
	.venv/bin/kerasnorm fit digits --out demo-output --overwrite

test: .venv/installed
	.venv/bin/python -m pytest $(PARALLEL) -m "$(QUICK)"

# on several replicas and in several processes
test-distributed: .venv/installed
	.venv/bin/python -m pytest $(PARALLEL) -m "distributed and not slow" tests

# the tutorials and the longest guide from top to bottom, with what makes them quick
test-tutorials: .venv/installed
	.venv/bin/python -m pytest -n $(JOBS) -m tutorial tests/tutorials tests/guides

# every layer exported, run in its runtime and compared
test-deployment: .venv/installed
	.venv/bin/python -m pytest $(PARALLEL) -m deployment tests/test_deployment.py

test-backends: .venv-backends/installed
	for backend in $(BACKENDS); do \
		KERAS_BACKEND=$$backend .venv-backends/bin/python -m pytest $(PARALLEL) -m "$(QUICK)" || exit 1; \
		KERAS_BACKEND=$$backend .venv-backends/bin/python -m pytest $(PARALLEL) \
			-m "distributed and not slow" tests || exit 1; \
	done

ifeq ($(PYTHON311),)
test-addons:
	@echo "skipped: TensorFlow Addons needs Python 3.11, which is not on this machine"
else
test-addons: .venv-addons/installed
	.venv-addons/bin/python -m pytest -c tests/addons/pytest.ini tests/addons
endif

# an hour: bad input by the ten thousand, steps by the thousand, jobs that are killed at random
soak: .venv/installed
	KERASNORM_FUZZ=2000 .venv/bin/python -m pytest -n $(JOBS) tests/fuzz/test_tfa_files.py
	KERASNORM_FUZZ=10000 .venv/bin/python -m pytest -n $(JOBS) tests/fuzz/test_recipe_files.py \
		tests/fuzz/test_image_data.py tests/fuzz/test_run_folders.py
	KERASNORM_CRASH_POINTS=1 .venv/bin/python -m pytest tests/backups/test_crash_points.py
	KERASNORM_EXAMPLES=500 .venv/bin/python -m pytest -n $(JOBS) tests/properties
	.venv/bin/python -m pytest -m slow tests

# the oldest versions that setup.cfg allows
test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest $(PARALLEL) -m "$(QUICK)"

# what a user gets: the sdist, and the wheel made of it in a clean environment, away from the sources
test-package:
	rm -rf build/dist .venv-build .venv-package
	$(call environment,.venv-build,--group package)
	.venv-build/bin/pyproject-build -o build/dist . >/dev/null
	$(call environment,.venv-package,build/dist/*.whl)
	cd / && $(CURDIR)/.venv-package/bin/python $(CURDIR)/tests/package/check.py $(CURDIR)

# minutes each: the notebooks, with what they print and draw
tutorials: .venv-tutorials/installed
	.venv-tutorials/bin/python tutorials/execute.py

# the guides, the tutorials and the API reference, to be read without a network
docs: .venv-docs/installed
	.venv-docs/bin/python -m sphinx -c docs -W --keep-going -q . build/docs
	@echo "open build/docs/index.html"

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python tests/support/check_types.py

bench: .venv/installed
	.venv/bin/python benchmarks/normalization.py
	.venv/bin/python benchmarks/sampling.py
	.venv/bin/python benchmarks/sampling_memory.py
	.venv/bin/python benchmarks/transferability.py
	.venv/bin/python benchmarks/feature_cache.py
	.venv/bin/python benchmarks/layerwise_rate.py
	.venv/bin/python benchmarks/solve_head.py
	.venv/bin/python benchmarks/long_tail.py
	.venv/bin/python benchmarks/segmentation.py
	.venv/bin/python benchmarks/recipe.py
	.venv/bin/python benchmarks/distribute.py
	.venv/bin/python benchmarks/recipe_maps.py

# a virtual environment in the folder $(1) with what $(2) says; groups need pip 25.1. Python compiles
# what is imported, which is a part of what there is
define environment
$(PYTHON) -m venv $(1)
$(1)/bin/python -m pip install -q --disable-pip-version-check 'pip>=25.1'
$(1)/bin/python -m pip install -q --no-compile --disable-pip-version-check $(2)
endef

.venv/installed: setup.cfg pyproject.toml
	$(call environment,.venv,-e '.[all]' --group test --group lint)
	touch $@

.venv-oldest/installed: setup.cfg pyproject.toml tests/oldest.txt
	$(call environment,.venv-oldest,-e '.[all]' --group test -c tests/oldest.txt)
	touch $@

.venv-backends/installed: setup.cfg pyproject.toml
	$(call environment,.venv-backends,torch==$(TORCH))
	.venv-backends/bin/python -m pip install -q --no-compile --disable-pip-version-check \
		torch==$(TORCH) -e '.[all]' --group test --group backends
	touch $@

.venv-tutorials/installed: setup.cfg pyproject.toml
	$(call environment,.venv-tutorials,-e '.[all]' --group tutorials)
	touch $@

.venv-docs/installed: setup.cfg pyproject.toml
	$(call environment,.venv-docs,-e '.[vision]' --group docs)
	touch $@

.venv-addons/installed: tests/addons/requirements.txt
	$(PYTHON311) -m venv .venv-addons
	.venv-addons/bin/python -m pip install -q --no-compile --disable-pip-version-check -r $<
	touch $@

clean:
	rm -rf .venv .venv-oldest .venv-backends .venv-addons .venv-build .venv-package .venv-tutorials \
		.venv-docs demo-output build dist docs/api *.egg-info
