# Everything a newcomer types. `make help` lists it; the first run makes .venv, later runs find it ready.
.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := /bin/sh

PYTHON ?= python3
UV_VERSION := >=0.9,<1
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.throughline-installed
ARGS ?=
# As many shelves of tests at once as the smallest machine has cores.
JOBS ?= 2

export UV_PROJECT_ENVIRONMENT := $(VENV)
# Never another interpreter than the one make was started with, and the certificates the system trusts.
export UV_PYTHON_DOWNLOADS := never
export UV_NATIVE_TLS := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A virtual environment that happens to be active is not ours.
unexport VIRTUAL_ENV
unexport PYTHONHOME
unexport PYTHONPATH
# Compiled modules are kept: without them every process that is started spends ten seconds of CPU on compiling.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test faults campaign check bench install reset format

help:  ## Say what can be done
	@echo "make demo          a company at work in your browser; Ctrl-C stops it, the next start continues"
	@echo "make demo RESET=1  the same, starting over with empty data"
	@echo "make test          all tests (ARGS='-k approval' for some)"
	@echo "make faults        whole demos under kill -9, which takes minutes"
	@echo "make campaign      random deals by the ten thousand in virtual time, with figures"
	@echo "make check         what CI runs: format, lint, types, import contracts, tests, faults"
	@echo "make bench         ratios: against bare Temporal, its Replayer, plain Python"
	@echo "make format        put the code in its form"
	@echo "make install       only set up .venv"
	@echo "make reset         remove all data of the demo"

demo: install  ## A company at work in your browser
	@"$(BIN)/throughline" demo $(if $(filter-out 0,$(RESET)),--reset) $(ARGS)

test: install  ## All tests
	@"$(BIN)/pytest" -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

faults: install  ## Whole demos under kill -9
	@"$(BIN)/pytest" -m faults $(ARGS)

campaign: install  ## Random deals in virtual time; ARGS='flights --seed 7' flies one again
	@"$(BIN)/python" -m tests.simulation $(ARGS)

check: install  ## What CI runs
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory faults

bench: install  ## Ratios, measured side by side
	@"$(BIN)/python" -m benchmarks.rehearsal
	@"$(BIN)/python" -m benchmarks.checks
	@"$(BIN)/python" -m benchmarks.inbox
	@"$(BIN)/python" -m benchmarks.people
	@"$(BIN)/python" -m benchmarks $(ARGS)

format: install
	@"$(BIN)/ruff" format .
	@"$(BIN)/ruff" check --fix .

reset: install
	@"$(BIN)/throughline" admin reset

install: $(STAMP)

# The stamp is newer than what it was made from: the second run takes no time.
$(STAMP): pyproject.toml uv.lock
	@sh deploy/local/install.sh "$(PYTHON)" "$(VENV)" "uv$(UV_VERSION)"
	@touch "$(STAMP)"
