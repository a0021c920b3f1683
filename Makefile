# Everything that CI runs, one word each. `make` alone lists the words.
#
# The environment is made once, with uv when it is on the PATH, otherwise with venv and pip. Other places and
# interpreters: make test VENV=/somewhere/env PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MARK := $(VENV)/.made-by-make
SITE = $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

ifneq ($(shell command -v uv 2>/dev/null),)
  CREATE := uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
  INSTALL := uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
else
  # Debian's pip is older than dependency groups, so the environment gets the pip that constraints.txt names.
  CREATE := $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
  INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench docs pictures clean

help:  ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run  ## audit the licences of everything installed here, write report.html
	@rm -f run.otlp.jsonl report.html
	@$(BIN)/wftrace run examples/license_audit.py:LicenseAudit path="$(SITE)" extra=examples/unreadable \
	    --trace run.otlp.jsonl --report report.html --reply 'ApprovalGiven={"approved": true}'
	@echo "Open report.html in a browser; run.otlp.jsonl is the trace that it was made from."

test: $(VENV)/.dev  ## run the tests
	@$(BIN)/pytest -n auto --dist loadfile

lint: $(VENV)/.dev  ## ruff, mypy and the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.run  ## measure against bare Python and the peers, write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.dev  ## run every code block of README.md and docs/
	@$(BIN)/pytest tests/test_docs.py

pictures: $(VENV)/.run  ## draw the pictures of the documents anew
	@$(BIN)/wftrace -q draw examples/report_flow.py:ReportFlow -o docs/pictures/report_flow.svg
	@$(BIN)/wftrace -q overlay docs/pictures/report_flow.otlp.jsonl -o docs/pictures/report_flow_run.svg

clean:  ## remove what make made
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis wftrace.egg-info
	rm -f run.otlp.jsonl report.html
	find benchmarks engine examples exporters tests wftrace -name __pycache__ -type d -prune -exec rm -rf {} +
	if [ -e $(MARK) ]; then rm -rf $(VENV); fi

# The mark is set first, so that a half-made environment is known as ours, and a user's own is left alone.
$(MARK):
	@if [ -e $(VENV) ]; then echo "$(VENV) was not made by make: move it away, or say make VENV=another-folder"; exit 2; fi
	@$(PYTHON) -c 'import sys; sys.exit("wftrace needs Python 3.11 or newer; say make PYTHON=python3.12" \
	    if sys.version_info < (3, 11) else 0)'
	@mkdir -p $(VENV) && touch $(MARK)

$(VENV)/.created: | $(MARK)
	@echo "Making the environment $(VENV)"
	@$(CREATE)
	@touch $@

$(VENV)/.run: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing wftrace"
	@PYTHONWARNINGS=ignore $(INSTALL) --editable '.[examples]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Installing the tools for tests and lint"
	@$(INSTALL) --group dev
	@touch $@
