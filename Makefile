# make run: everything from nothing to a working product. make test: everything that must hold.
SHELL := /bin/sh
PYTHON ?= $(shell for name in python3.11 python3.12 python3; do command -v $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements
# What was compiled once is not compiled at every start, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =
WANTED = $(shell sha256sum < requirements.txt | cut -c1-64)

.PHONY: run venv install frontend test lint style types migrations unit unit-talk unit-rest
.PHONY: browser browser-run browser-tool chaos bench lock

run: venv
	@exec $(BIN)/python manage.py up

venv:
	@test "$$(cat $(STAMP) 2>/dev/null)" = "$(WANTED)" || $(MAKE) --no-print-directory install

install:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
		|| { echo "Frontdesk needs Python 3.11 or 3.12: install it, or say PYTHON=/path/to/it."; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment in $(VENV)"; "$(PYTHON)" -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python cannot make virtual environments: on Debian install python3-venv."; exit 1; }; }
	@awk '/^uv==/ {on = 1} /^[^ ]/ && !/^uv==/ {on = 0} on' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@echo "Installing the packages of requirements.txt (about half a gigabyte the first time)"
	@$(BIN)/uv pip install --system-certs --python $(BIN)/python --require-hashes -r requirements.txt
	@printf '%s' "$(WANTED)" > $(STAMP)

frontend: venv
	@$(BIN)/python manage.py build_frontend

# -- what must hold

# As many parts at once as there are cores. Each has a database of its own on one server, whose template the
# first part makes while the types are looked at. Chaos kills processes against the clock, and runs alone.
CORES = $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
AT_ONCE = $(BIN)/python -m tests.shared_server $(MAKE) --no-print-directory -j$(CORES) --output-sync=target
test: venv frontend browser-tool style
	@$(AT_ONCE) unit-talk types unit-rest browser-run
	@$(MAKE) --no-print-directory chaos-short

lint: style types migrations

style: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djangofmt --check --quiet templates

types: venv
	$(BIN)/mypy
	$(BIN)/lint-imports

# Among the unit tests, too.
migrations: venv
	$(BIN)/pytest -q tests/config/test_migrations.py

UNIT = $(BIN)/pytest -m "not browser and not chaos" --ignore=tests/chaos
TALK = tests/conversations tests/risks
PART = FRONTDESK_DATA="$${FRONTDESK_DATA:-$(CURDIR)/.data}
unit: venv frontend
	@$(AT_ONCE) unit-talk unit-rest

unit-talk:
	@echo "The unit tests of $(TALK)"; $(PART)/talk/test" $(UNIT) $(TALK)

unit-rest:
	@echo "The other unit tests"; $(PART)/rest/test" $(UNIT) $(TALK:%=--ignore=%)

browser: venv frontend browser-tool browser-run

browser-run:
	@if command -v chromium >/dev/null; then \
		echo "A real browser"; $(PART)/browser/test" $(BIN)/pytest -m browser tests/browser $(EVERYWHERE:%=--ignore=%); else \
		echo "************************************************************************"; \
		echo "*** No chromium here: THE BROWSER TESTS WERE LEFT OUT.               ***"; \
		echo "*** Install it (Debian: apt-get install chromium) and run make test. ***"; \
		echo "************************************************************************"; fi

browser-tool:
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing chromium for the browser tests"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
			>/dev/null || echo "Chromium could not be installed."; fi

.PHONY: chaos-short
chaos-short: venv frontend
	$(BIN)/pytest -m chaos tests/chaos $(LONG:%=--ignore=%)

# Not in CI, for its length.
LONG = tests/chaos/test_fairness.py
chaos: venv frontend
	$(BIN)/python -m tests.chaos
	$(BIN)/pytest -m chaos $(LONG)

# Not in CI, for their length: every page in all its looks, and empty as well; hostile words in every place.
EVERYWHERE = tests/browser/test_every_page.py tests/browser/test_hostile_words.py
.PHONY: axe hostile
axe: venv frontend browser-tool
	AXE=all $(BIN)/pytest tests/browser/test_every_page.py

hostile: venv frontend browser-tool
	$(BIN)/pytest tests/browser/test_hostile_words.py

# A picture of every page, wide and as a phone, light and dark; the README's are drawn anew with README=1.
.PHONY: screenshots
screenshots: venv frontend browser-tool
	$(BIN)/python -m deploy.screenshots $(if $(README),--readme) $(if $(ONLY),--only $(ONLY))

# The API against its own description, at length.
.PHONY: api-fuzz
api-fuzz: venv
	API_FUZZ_EXAMPLES=$${API_FUZZ_EXAMPLES:-300} $(BIN)/pytest tests/conversations/test_api_document.py

# What all five blueprints' scenarios cite is found.
.PHONY: blueprints
blueprints: venv
	BLUEPRINTS=all $(BIN)/pytest tests/agents/test_blueprint_search.py

# Everything that strangers write to make a model misbehave, by every way in.
.PHONY: injections
injections: venv
	INJECTIONS=all $(BIN)/pytest tests/risks/test_injection.py tests/risks/test_tool_injection.py

# Deliveries made at random and spoilt, customers joined and parted: many more of them.
.PHONY: properties
properties: venv
	PROPERTY_FACTOR=$${PROPERTY_FACTOR:-20} $(BIN)/pytest tests/conversations/test_deliveries.py tests/conversations/test_identities.py

# The books under anything at all, at length; and 200 who spend at once from 50 credits, in ten processes.
.PHONY: ledger spenders
ledger: venv
	LEDGER_STEPS=$${LEDGER_STEPS:-10000} $(BIN)/pytest -s tests/billing/test_ledger_machine.py

spenders: venv
	SPENDERS=$${SPENDERS:-10x20:50} $(BIN)/pytest tests/billing/test_spenders.py -k nobody

# The router's classifier, from the labelled examples.
.PHONY: intents
intents: venv
	$(BIN)/python -m agents.fitting

bench: venv frontend
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.retrieval
	$(BIN)/python -m bench.quality
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.tenants
	$(BIN)/python -m bench.fanout
	$(BIN)/python -m bench.gate
	$(BIN)/python -m bench.ledger

# -- dependencies

lock: venv
	@$(BIN)/python deploy/lock.py
	@git --no-pager diff --stat -- requirements.txt
