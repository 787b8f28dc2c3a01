# `make TASK` is `python3 tasks.py TASK`; tasks.py says what each does. A fresh clone needs no more than Python >= 3.11.
PYTHON ?= python3

.PHONY: help book test check lint notebooks mutants mutation fuzz anywhere everywhere wasm reseed execute lab student grade collect nbgrader lite pdf site lock \
	bench dist address prepare clean
.DEFAULT_GOAL := help

help book test check lint mutants nbgrader lite pdf site lock bench dist address clean:
	@$(PYTHON) tasks.py $@

execute notebooks:
	@$(PYTHON) tasks.py $@ $(CHAPTER)

anywhere wasm reseed:
	@$(PYTHON) tasks.py $@ $(CHAPTERS)

prepare:
	@$(PYTHON) tasks.py $@ $(NAMES)

everywhere:
	@$(PYTHON) tasks.py $@ $(ROWS)

lab:
	@$(PYTHON) tasks.py $@ "$(or $(TO),lab)"

fuzz:
	@$(PYTHON) tasks.py $@ $(MINUTES)

mutation:
	@$(PYTHON) tasks.py $@ $(MODULES) $(if $(SAMPLE),--sample $(SAMPLE))

student:
	@$(PYTHON) tasks.py $@ "$(or $(TO),student)" $(EXERCISES)

grade:
	@$(PYTHON) tasks.py $@ "$(or $(TO),student)" $(EXERCISES)

collect:
	@$(PYTHON) tasks.py $@ "$(or $(TO),hand-ins)" "$(or $(COURSE),course)" $(ASSIGNMENT)
