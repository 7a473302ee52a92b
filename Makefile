# Two commands for a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
# Both create .venv with the pinned dependencies once; afterwards they start at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := 3.11

.DEFAULT_GOAL := help
.PHONY: help demo test check constraints clean

help:
	@echo "make demo    train a VAE and a GAN on handwritten digits and write runs/demo/report.html"
	@echo "make test    run the tests"
	@echo "make check   run what CI runs: ruff, mypy, the import law, the tests"
	@echo "make clean   remove the virtual environment"

demo: $(STAMP)
	$(BIN)/latentia demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2

# The stamp is younger than what it was installed from, or everything is installed again.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' || { \
		echo "Latentia needs Python $(OLDEST) or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
		     "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

# Every version that we test, for pip and for uv. What CUDA builds of torch bring with them is left out:
# those versions belong to the build that pip finds on the user's machine, not to us.
constraints:
	{ echo "# Every version that is tested together. Made by 'make constraints'; use with pip install -c."; \
	  echo "torch==2.13.0" | uv pip compile --quiet --universal --all-extras --python-version $(OLDEST) \
	      --no-annotate --no-header --constraints - pyproject.toml \
	    | grep --extended-regexp --invert-match '^(cuda|nvidia|triton)'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV)
