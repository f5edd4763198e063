# `make run` and `make test` do all set-up themselves, in a virtual environment beside this file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Folders of tests with npm packages of their own.
CHECKED := tests/faces tests/plugins/portrayal_scene

.PHONY: run demo test check format types lint web web-if-possible wheel api gallery docs bench soak lock clean

run: $(VENV)/run.stamp web-if-possible
	$(BIN)/gotapi run --demo

demo: $(VENV)/run.stamp
	$(BIN)/gotapi demo

test: $(VENV)/dev.stamp web $(CHECKED:%=%/node_modules/.package-lock.json)
	$(BIN)/pytest -n auto --dist loadfile

check: lint types

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The web console, into the package, from where the wheel takes it.
CONSOLE := gotapi_core/server/console/index.html
NPM := npm --prefix web --no-update-notifier

web: $(CONSOLE)

web-if-possible:
	@$(MAKE) --no-print-directory web || echo "The hub runs without the web console." >&2

web/node_modules/.package-lock.json: web/package.json web/package-lock.json web/.npmrc
	scripts/install-node
	$(NPM) ci --ignore-scripts
	touch $@

$(CONSOLE): web/node_modules/.package-lock.json $(shell find web -name node_modules -prune -o -type f -print)
	$(NPM) run --silent build

# What tests check documents and scenes with: validators of others, and a client of Things.
$(CHECKED:%=%/node_modules/.package-lock.json): %/node_modules/.package-lock.json: %/package-lock.json
	scripts/install-node
	npm --prefix $* --no-update-notifier ci --ignore-scripts
	touch $@

wheel: $(VENV)/dev.stamp web
	$(BIN)/python -m build --no-isolation --wheel

# The committed documents for the plug-ins that come with the hub; the tests compare them.
api: $(VENV)/dev.stamp
	$(BIN)/gotapi describe openapi --plugin printer --plugin creation --plugin portrayal > docs/api/openapi.json
	$(BIN)/gotapi describe asyncapi --plugin printer --plugin creation --plugin portrayal > docs/api/asyncapi.json

# The contact sheet of all that views can look like; look at it after each change of the drawing.
gallery: $(VENV)/dev.stamp
	$(BIN)/python scripts/gallery.py

docs: $(VENV)/dev.stamp
	$(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in build/site/index.html"

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks

# Some minutes: a thousand jobs over a bad wire, a thousand with a restart, a hundred kills.
soak: $(VENV)/dev.stamp
	GOTAPI_SOAK=1000 $(BIN)/pytest -q -n auto tests/plugins/printer/test_printer_soak.py
	GOTAPI_SOAK=100 $(BIN)/pytest -q tests/plugins/printer/test_printer_kills.py

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

lock: $(VENV)/bin/python
	$(BIN)/pip install --quiet uv
	$(COMPILE) --extra build --output-file requirements.lock
	$(COMPILE) --extra build --extra dev --constraints requirements.lock \
		--output-file requirements-dev.lock

clean:
	rm -rf $(VENV) build dist web/node_modules gotapi_core/server/console

$(VENV)/bin/python:
	scripts/make-venv $(PYTHON) $(VENV)

$(VENV)/run.stamp: $(VENV)/bin/python pyproject.toml requirements.lock
	scripts/install $(VENV) requirements.lock
	touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml requirements-dev.lock
	scripts/install-browser
	scripts/install-bus
	scripts/install $(VENV) requirements-dev.lock
	touch $(VENV)/run.stamp $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(BIN)/pip install --quiet --no-deps printrun  # the peer; its graphical parts are not wanted
	# 1.3 GB of drawing engines, in a folder of their own; without them views are measured alone.
	-$(BIN)/pip install --quiet --target build/peers --upgrade vtk open3d-cpu
	touch $@
