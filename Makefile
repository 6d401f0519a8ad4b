# Two commands do everything on a fresh machine with Python 3.11 or later, pip and make:
#   make demo    the whole path on a simulated athlete
#   make test    every check and test
# and for daily work: make check (under 30 s), make bench, make docs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
INSTALL := $(RUN) pip install --quiet --no-compile --no-deps --require-hashes
# The tests start hundreds of processes. Each would compile the whole program anew where bytecode is not kept.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test suite check quick coverage bench bless mutants docs pictures clean packages lint
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/hiphinge demo

# The checks of `lint` take one core, and end long before the tests. They wait for no Debian package.
test:
	@$(MAKE) --no-print-directory -j3 lint suite

# Four at a time on two cores: the tests of whole sessions wait for most of their time.
suite: packages $(VENV)/compiled
	HIPHINGE_REQUIRE_ALL=$(HIPHINGE_REQUIRE_ALL) $(RUN) pytest -n 4 --dist worksteal

# pytest rewrites and compiles each file of tests. In a new environment each of the four would do it for all files.
$(VENV)/compiled: $(VENV)/tools
	@$(RUN) pytest --collect-only -qq >$@ || { cat $@; exit 1; }

check: $(VENV)/tools
	@$(MAKE) --no-print-directory --output-sync -j2 lint quick

# The same under the tracer of coverage, which makes most tests 1.6 times as slow: half an hour on two cores.
coverage: $(VENV)/tools packages
	rm -f .coverage .coverage.*
	HIPHINGE_REQUIRE_ALL=$(HIPHINGE_REQUIRE_ALL) $(RUN) pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=92

quick: $(VENV)/tools
	$(RUN) pytest -q -n 2 -m "not slow and not influx" -x --no-header tests/body_signals tests/firmware_protocol tests/dsp/test_rotation.py tests/dsp/angles/test_joints.py tests/dsp/rhythm/test_rhythm.py tests/dsp/grid/test_grid.py tests/ingest/heads/test_session_toml.py tests/dashboards/test_tables.py

lint: $(VENV)/tools
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(BIN)/lint-imports

bench: $(VENV)/tools
	$(RUN) benchmarks

# Takes today's tables of the golden sessions, constants and outcomes of broken packets as the expected ones; of the first two it
# refuses what CHANGELOG.md does not say has moved.
bless: $(VENV)/tools
	$(RUN) fixtures.sessions.bless
	$(RUN) tests.contract.test_golden_constants
	$(RUN) tests.firmware_protocol.test_broken_packets

# Changes lines of the pure rooms, one at a time, and asks the tests: not part of `make test`; a quarter of an hour on two cores.
mutants: $(VENV)/tools
	$(RUN) tests.mutants --count 200 --seed 1

docs: $(VENV)/tools
	$(RUN) dashboards.reference > docs/quantities.md
	$(RUN) dashboards.influx.reference > docs/influx-schema.md

# Pictures of the pages and of the report in docs, taken by chromium from the demo; about five minutes.
pictures: $(VENV)/tools
	$(RUN) docs.live_page_pictures
	$(RUN) docs.set_up_pictures
	$(RUN) docs.hip_check_pictures
	$(RUN) docs.review_page_pictures
	$(RUN) docs.report_pictures

# Debian packages that tests need: installed when we may, else those tests say why they are skipped. A chromium without windows
# takes half as long to open a page; where Debian has none, or we may not install it, the tests take the other one.
packages:
	@lacking=""; lighter=chromium-headless-shell; \
	command -v influxd >/dev/null 2>&1 || lacking="$$lacking influxdb"; \
	command -v dbus-daemon >/dev/null 2>&1 || lacking="$$lacking dbus-daemon"; \
	command -v chromium >/dev/null 2>&1 || lacking="$$lacking chromium fonts-dejavu-core"; \
	command -v $$lighter >/dev/null 2>&1 && lighter=""; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then \
		[ -z "$$lacking" ] || echo "not installed, their tests will be skipped (Debian: apt-get install$$lacking)"; \
	elif [ -n "$$lacking$$lighter" ]; then \
		install="apt-get install -y -qq --no-install-recommends"; export DEBIAN_FRONTEND=noninteractive; \
		if [ -z "$$lacking" ]; then apt-get update -qq >/dev/null 2>&1 || :; else apt-get update -qq && $$install $$lacking >/dev/null; fi && \
		if [ -n "$$lighter" ]; then $$install --no-remove $$lighter >/dev/null 2>&1 || :; fi; \
	fi

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt requirements-build.txt pyproject.toml | $(VENV)/bin/python
	$(INSTALL) -r requirements.txt
	$(INSTALL) -r requirements-build.txt
	$(RUN) pip install --quiet --no-compile --no-deps --no-build-isolation --editable .
	touch $@

# What only tests need, beside the rest: unpacking is the work of one core. The list for tests repeats the other two.
$(VENV)/added: requirements.txt requirements-build.txt requirements-test.txt | $(VENV)/bin/python
	grep -vxF -f requirements.txt -f requirements-build.txt requirements-test.txt >$@.txt
	$(INSTALL) -r $@.txt
	touch $@

$(VENV)/tools: $(VENV)/installed $(VENV)/added
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* build dist
