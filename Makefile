# Works on a machine that has Python 3.11 or newer and make; each target fills .venv by itself.
PYTHON ?= python3
VENV   := .venv
# Every process would compile its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SMALL  := $(VENV)/.installed-demo
# The build of torch: auto, cpu or index; see tools/install_torch.py.
TORCH  ?= auto

.PHONY: setup demo test nightly soak fuzz kills check format bench clean help
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## create .venv with the tested set of packages

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("narrowcast needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv

# uv takes a fraction of pip's time; pip brings torch, because it honours wheels in local folders.
$(STAMP) $(SMALL): pyproject.toml constraints.txt tools/install_torch.py | $(VENV)/bin/uv
	$(BIN)/python tools/install_torch.py --build $(TORCH)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

$(STAMP): EXTRAS := dev
$(SMALL): EXTRAS := train,eval,gguf

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(SMALL))  ## the whole loop on the built-in task, offline, in several minutes
	$(BIN)/narrowcast demo

test: $(STAMP)  ## every test that takes seconds, in two processes; at most 15 minutes on two cores
	$(BIN)/pytest -n 2 --dist loadfile -m 'not nightly'

nightly: $(STAMP)  ## every test, those that take longer as well
	$(BIN)/pytest -n 2 --dist loadfile

soak: $(STAMP)  ## kill -9 a training run at ten random moments
	NARROWCAST_KILLS=10 $(BIN)/pytest tests/training/test_kills.py

fuzz: $(STAMP)  ## 20,000 damaged inputs through every door; a second call goes on where the first one stopped
	$(BIN)/python -m tests.fuzz

kills: $(STAMP)  ## kill every command that writes, a hundred times at random moments
	$(BIN)/python -m tests.fuzz.kills

check: $(STAMP)  ## lint, format, types, import contracts, file sizes, words, walks, help
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_file_sizes.py src/narrowcast
	$(BIN)/python tools/check_words.py
	$(BIN)/python tools/check_store.py src/narrowcast
	$(BIN)/python tools/check_settings.py src/narrowcast
	$(BIN)/python tools/check_signatures.py src/narrowcast
	$(BIN)/python tools/count_walks.py
	$(BIN)/python tools/help_pages.py --check

format: $(STAMP)  ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure; each script prints its ratios and fails where a bar does not hold
	$(BIN)/python benchmarks/help_time.py
	$(BIN)/python benchmarks/import.py
	$(BIN)/python benchmarks/forecast.py
	$(BIN)/python benchmarks/layouts.py
	$(BIN)/python benchmarks/intervals.py
	$(BIN)/python benchmarks/scale.py

clean:  ## remove what make created
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
