# Every target does its own set-up: Python 3.11 or newer, git and make are enough.
#   make demo          render with the default answers into build/demo and run the pipeline there
#   make test          the template's tests
#   make coverage      the kit's tests, and which of its lines they run (quick from Python 3.12 on)
#   make test-servers  the tests that start real servers, and those that need a program of Debian (installed by apt)
#   make verify        repetitions, kills, simulations and benchmarks: hours, before a release
#   make check         lint, format, types, and the size of what is rendered
#   make lock          lock the rendered project again (UPGRADE=1 takes newer versions)
#   make release       check a release and write it into releases.toml: VERSION=1.2.3 (commits nothing)
#   make filesets      write down which files each profile renders (the tests compare)
#   make reference     write the pages of docs/reference from the code (a test compares)
#   make picture       run the demo and photograph its report for the README; needs Chromium

.PHONY: demo test coverage test-servers verify check lock filesets reference site translated picture release
.DEFAULT_GOAL := check

# The newest interpreter that really starts; a version manager's stub may be on PATH without one behind it.
PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	"$$name" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null && break; \
	done)
export UV_PYTHON ?= $(PYTHON)
export UV_PYTHON_DOWNLOADS ?= never
# Tests start hundreds of processes; each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

# An installed uv, or one of our own under .tools/; recipes find either on PATH.
ifeq ($(shell command -v uv 2>/dev/null),)
export PATH := $(CURDIR)/.tools/bin:$(PATH)
BOOTSTRAP := .tools/bin/uv
endif

# --frozen: "uv lock --check" in "make check" is the one place that compares lock and pyproject.toml.
RUN := uv run --frozen
# Scripts share the renderer of the tests.
SCRIPT := PYTHONPATH="$(CURDIR)/tests/support" $(RUN) python

demo: $(BOOTSTRAP)
	@$(SCRIPT) scripts/demo.py

test: $(BOOTSTRAP)
	$(RUN) pytest --numprocesses auto --dist loadgroup

coverage: $(BOOTSTRAP)
	COVERAGE_CORE=sysmon $(RUN) pytest tests/kit --numprocesses auto --dist loadgroup --cov --cov-report=term

test-servers: $(BOOTSTRAP)
	$(RUN) pytest tests/servers -m "not repetition" --numprocesses auto --dist loadfile
	$(RUN) pytest -m "debian and not repetition" --numprocesses auto --dist loadfile

# Everything is run, then what failed is named. One after the other: they measure.
verify: $(BOOTSTRAP)
	@ONLY="$(ONLY)" $(SCRIPT) scripts/verify.py

check: $(BOOTSTRAP)
	uv lock --check
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyrefly check
	$(RUN) lint-imports --no-cache
	$(RUN) python scripts/house.py
	$(RUN) shellcheck .ci/run
	@$(SCRIPT) scripts/budget.py

lock: $(BOOTSTRAP)
	uv lock $(if $(UPGRADE),--upgrade)
	$(SCRIPT) scripts/lock.py $(if $(UPGRADE),--upgrade)

filesets: $(BOOTSTRAP)
	$(SCRIPT) scripts/filesets.py
	git diff --stat -- tests/rendered/filesets

reference: $(BOOTSTRAP)
	$(SCRIPT) scripts/reference.py

site: demo
	$(SCRIPT) scripts/own_site.py

translated: $(BOOTSTRAP)
	$(SCRIPT) scripts/translated.py

picture: demo
	@$(SCRIPT) scripts/picture.py

release: $(BOOTSTRAP)
	@$(SCRIPT) scripts/release.py "$(VERSION)"

.tools/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found on PATH." >&2; exit 3; }
	"$(PYTHON)" -m venv .tools
	.tools/bin/python -m pip install --quiet "uv>=0.9,<1"
