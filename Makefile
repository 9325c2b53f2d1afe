# make demo   convert the sample data to NIfTI and back, and show it
# make test   run the tests
#
# Both need Python 3.11 or newer with venv, and nothing else: what they use is installed into .venv.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint ruff mypy imports docs conformance benchmarks clean

help:
	@echo 'make demo   convert the sample data to NIfTI and back, into demo-output/'
	@echo 'make test   run the tests (pass options with PYTEST_ARGS="-k name")'
	@echo 'make lint   run ruff, mypy, and check which module imports which'
	@echo 'make docs   build the documentation into docs/_build/html and run its examples'
	@echo 'make conformance  compare all real series with dcm2niix, into docs/conformance.md'
	@echo 'make benchmarks  compare speed with other libraries, into benchmarks/RESULTS.md'
	@echo 'make clean  remove everything that these made'

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "imagedata needs Python 3.11 or newer, not " + sys.version.split()[0] + \
	  ": call make with PYTHON=<a newer python>")'
	@echo 'Making $(VENV)'
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# The package is installed in place, so that .venv always runs the sources as they are; only a
# change of pyproject.toml (dependencies, entry points) needs an installation.
$(VENV)/.installed: pyproject.toml $(VENV)/.created
	@echo 'Installing imagedata into $(VENV)'
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	@echo 'Installing imagedata and what "$*" needs into $(VENV)'
	@$(PIP) --editable '.[$*]'
	@touch $@

demo: $(VENV)/.installed
	$(PY) examples/demo.py

test: $(VENV)/.installed-test
	$(PY) -m pytest$(if $(PYTEST_ARGS), $(PYTEST_ARGS))

lint: ruff mypy imports

ruff: $(VENV)/.installed-lint
	$(PY) -m ruff check .

mypy: $(VENV)/.installed-lint
	$(PY) -m mypy

imports: $(VENV)/.installed-lint
	$(VENV)/bin/lint-imports

docs: $(VENV)/.installed-docs
	$(PY) -m docutils --halt=warning README.rst > /dev/null
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	$(PY) -m sphinx -q -W --keep-going -b doctest docs docs/_build/doctest

conformance: $(VENV)/.installed-test
	$(PY) tools/conformance.py

benchmarks: $(VENV)/.installed
	$(PY) benchmarks/run.py $(BENCH_ARGS)

clean:
	rm -rf $(VENV) benchmarks/made .real-data demo-output docs/_build docs/generated build dist
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
