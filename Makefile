# Everything from nothing but make and Python 3.11 to 3.14; training from 3.11 to 3.13.
#   make app   sets up .venv and serves the dashboard     make app ARGS="--port 9000 --no-browser"
#   make test  sets up .venv and runs every test
#   make coverage  the same, and prints the branch coverage
PYTHON := $(shell for p in python3.12 python3.13 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=
# Each of the many processes that the tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test coverage install lint types bench soak pretrained screenshots lock clean

app: install
	$(BIN)/python -m mnistlab app $(ARGS)

# Four processes: on two cores, two of them wait for a server, a browser or a worker.
test: install
	$(BIN)/python -m pytest -p tests.in_parallel --numprocesses 4 --dist loadfile $(ARGS)

# Slower by half: Python 3.11 traces every call of every process that the tests start.
coverage:
	$(MAKE) test ARGS="--cov --cov-report=term $(ARGS)"

install: $(READY)

# Python compiles what is used when it is used; all of it takes a minute.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "MNIST Lab needs Python 3.11, 3.12, 3.13 or 3.14; install one and run make again."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $(READY)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

types: install
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks $(ARGS)

soak: install
	$(BIN)/python -m pytest -m soak $(ARGS)

pretrained: install
	$(BIN)/python -m scripts.pretrain $(ARGS)

screenshots: install
	$(BIN)/python -m scripts.screenshots

# Pins for every supported Python and platform at once.
lock: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
