# A fresh clone needs only make and Python >= 3.11. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready

# One thread per process: stored outputs are the same on every machine, and two processes run side by side.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: help book test lint execute lab lock bench clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

# The last line fills matplotlib's font cache: doing so later prints a warning, and a chapter may print none.
$(READY): requirements.txt pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -r requirements.txt
	$(PY) -m pip install -q --no-deps -e .
	$(PY) -c "import matplotlib.font_manager"
	@touch $@

# Always from nothing: a second -W build over an old one forgets the warnings of the first.
book: $(READY)  ## the rendered book, in _build/html
	rm -rf _build
	$(VENV)/bin/jupyter-book build . --all -n -W --keep-going
	@echo "Open file://$(CURDIR)/_build/html/index.html"

test: lint  ## everything CI runs: unit tests, notebooks, hygiene, a clean build, the browser
	$(PY) -m pytest -q -n 2 tests/srbm tests/book
	$(PY) -m pytest -q -n 2 --dist loadfile --nbval --nbval-current-env chapters
	$(MAKE) book
	$(PY) -m pytest -q -n 2 tests/browser

lint: $(READY)  ## ruff
	$(PY) -m ruff check .

execute: $(READY)  ## re-execute the chapters and store their outputs (CHAPTER=03_training for one)
	$(PY) -m book.execute $(CHAPTER)

lab: $(READY)  ## the chapters in JupyterLab
	$(VENV)/bin/jupyter lab chapters

lock: $(READY)  ## resolve requirements.in into requirements.txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 requirements.in -o requirements.txt

# The peers are only needed here; PyTorch, which one of them stands on, is large.
bench: $(READY)  ## paired benchmarks on one thread, peers included; stores benchmarks/results.json
	$(PY) -m pip install -q -e ".[bench]"
	$(PY) -m benchmarks

clean:  ## remove the environment and everything built
	rm -rf $(VENV) _build build dist *.egg-info .pytest_cache .ruff_cache
