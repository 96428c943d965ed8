# Everything from nothing but make and Python 3.11 to 3.14; training from 3.11 to 3.13.
#   make app   sets up .venv and serves the dashboard     make app ARGS="--port 9000 --no-browser"
#   make test  sets up .venv and runs every test
#   make coverage  the same, and prints the branch coverage
PYTHON := $(shell for p in python3.12 python3.13 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
BIN := .venv/bin
ARGS ?=
# Each of the many processes that the tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test coverage install lint types bench docs soak pretrained screenshots lock clean

# What each target installs beside the package: extras of pyproject.toml, at the lock's versions.
APP := train
TEST := train,cluster,test,bench
DOCS := train,docs
ALL := train,cluster,test,bench,docs,lint,dev

app: .venv/.has-$(APP)
	$(BIN)/python -m mnistlab app $(ARGS)

# Four processes: on two cores, two of them wait for a server, a browser or a worker.
test: .venv/.has-$(TEST)
	$(BIN)/python -m pytest -p tests.in_parallel --numprocesses 4 --dist loadfile $(ARGS)

# Slower by half: Python 3.11 traces every call of every process that the tests start.
coverage:
	$(MAKE) test ARGS="--cov --cov-report=term $(ARGS)"

install: .venv/.has-$(ALL)

.venv/.python:
	@test -n "$(PYTHON)" || { echo "MNIST Lab needs Python 3.11, 3.12, 3.13 or 3.14; install one and run make again."; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

# Python compiles what is used when it is used; all of it takes a minute.
.venv/.has-%: requirements.lock pyproject.toml .venv/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--constraint requirements.lock --editable '.[$*]'
	touch $@

SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema vendor
FORMS := $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

lint: .venv/.has-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(SCHEMA).github-workflows .github/workflows/*.yml
	$(SCHEMA).github-issue-forms $(FORMS)
	$(SCHEMA).github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA).dependabot .github/dependabot.yml
	$(SCHEMA).citation-file-format CITATION.cff
	$(BIN)/zizmor --offline --quiet --persona pedantic .

types: .venv/.has-$(TEST),docs,lint
	$(BIN)/mypy

bench: .venv/.has-$(TEST)
	$(BIN)/python -m benchmarks $(ARGS)

# The site: its code and notebooks run without MNIST unless MNISTLAB_MNIST names it.
docs: .venv/.has-$(DOCS)
	rm -rf docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/python -m scripts.check_links docs/_build/html

soak: .venv/.has-$(TEST)
	$(BIN)/python -m pytest -m soak $(ARGS)

pretrained: .venv/.has-$(APP)
	$(BIN)/python -m scripts.pretrain $(ARGS)

screenshots: .venv/.has-$(TEST)
	$(BIN)/python -m scripts.screenshots

# Pins for every supported Python and platform at once.
lock: .venv/.has-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --all-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links benchmarks/alternatives/requirements.in \
		-o benchmarks/alternatives/requirements.lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
