# A fresh clone needs only make and Python >= 3.11. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
LITE   := $(VENV)/lite
WASM   := $(VENV)/wasm

# One thread per process: stored outputs are the same on every machine, and two processes run side by side.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: help book test check lint mutants mutation fuzz everywhere wasm reseed execute lab student grade lite pdf site lock bench clean
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
	$(PY) -m pytest -q -n 2 --cov=srbm --cov-report=term:skip-covered --cov-fail-under=97 tests/srbm tests/book
	$(PY) -m pytest -q -n 2 --dist loadfile --nbval --nbval-current-env chapters
	$(MAKE) book
	$(PY) -m pytest -q -n 2 tests/browser

check: $(READY)  ## the unit tests of the package alone, in a few minutes
	$(PY) -m pytest -q -n 2 tests/srbm

lint: $(READY)  ## ruff, and the types of the package
	$(PY) -m ruff check .
	$(PY) -m ruff format --check -q .
	$(PY) -m mypy

execute: $(READY)  ## re-execute the chapters and store their outputs (CHAPTER=03_training for one)
	$(PY) -m commands.execute $(CHAPTER)

mutants: $(READY)  ## wrong formulas that the tests have to notice (half an hour; not part of `make test`)
	$(PY) -m tests.mutants

# mutmut is only needed here.
mutation: $(READY)  ## srbm changed everywhere by mutmut, which the tests have to notice (MODULES=srbm.divergence for some; hours)
	$(PY) -m pip install -q mutmut==3.8.1
	$(PY) -m tests.mutation $(MODULES)

fuzz: $(READY)  ## changed files for every reader of srbm; what is read wrongly joins the tests (MINUTES=20)
	$(PY) -m tests.fuzz --minutes $(or $(MINUTES),20)

everywhere: $(READY)  ## unit tests and chapters under every arithmetic of this machine (ROWS=..., hours; goes on where it stopped)
	$(PY) -m commands.everywhere $(if $(ROWS),--rows $(ROWS))

wasm: $(READY) $(WASM)/.ready  ## unit tests and chapters under 32-bit WebAssembly, as in a browser (CHAPTERS=... for some chapters)
	$(PY) -m commands.wasm $(CHAPTERS)

# pip would bring a NumPy that this Python cannot use: it has its own inside. The first run compiles it, once.
$(WASM)/.ready: $(READY) requirements-wasm.txt
	$(PY) -m venv $(WASM)
	$(WASM)/bin/python -m pip install -q --no-deps -r requirements-wasm.txt
	@touch $@

reseed: $(READY)  ## the chapters with all seeds shifted, five times (CHAPTERS=... for some)
	$(PY) -m commands.reseed $(if $(CHAPTERS),--chapters $(CHAPTERS))

lab: $(READY)  ## the chapters in JupyterLab
	$(VENV)/bin/jupyter lab chapters

student: $(READY)  ## the chapters without solutions, for a course, in student/ (TO=folder for another)
	$(PY) -m commands.student "$(or $(TO),student)"

grade: $(READY)  ## judge the answers in such a copy (TO=folder)
	$(PY) -m commands.student --grade "$(or $(TO),student)"

lite: $(READY) $(LITE)/.ready  ## the chapters in the browser (JupyterLite), in _build/lite
	$(PY) -m commands.lite _build/lite --jupyter-lite $(LITE)/bin/jupyter-lite
	@echo "Serve it: $(PY) -m http.server --bind 127.0.0.1 --directory _build/lite"

$(LITE)/.ready: $(READY) requirements-lite.txt
	$(PY) -m venv $(LITE)
	$(LITE)/bin/python -m pip install -q -r requirements-lite.txt
	@touch $@

pdf: $(READY)  ## the whole book as one PDF, in _build/pdf/srbm.pdf (needs `make book` before it, and Chromium)
	$(PY) -m commands.pdf _build/html _build/pdf/srbm.pdf

site:  ## what is published: the book with its PDF and the JupyterLite site, in _build/html
	SRBM_SITE=1 $(MAKE) book
	$(MAKE) lite
	$(MAKE) pdf
	cp -r _build/lite _build/html/lite
	cp _build/pdf/srbm.pdf _build/html/srbm.pdf

lock: $(READY)  ## resolve requirements.in and its like for lite and wasm into their .txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 requirements.in -o requirements.txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 requirements-lite.in -o requirements-lite.txt
	$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --no-emit-package numpy requirements-wasm.in -o requirements-wasm.txt
	$(PY) -m commands.releases

# The peers are only needed here; PyTorch, which one of them stands on, is large.
bench: $(READY)  ## paired benchmarks on one thread, peers included; stores benchmarks/results.json
	$(PY) -m pip install -q -e ".[bench]"
	$(PY) -m benchmarks

clean:  ## remove the environment and everything built
	rm -rf $(VENV) _build build dist *.egg-info .pytest_cache .ruff_cache
