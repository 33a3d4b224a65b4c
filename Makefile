# Everything starts here. `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo demo-hosts test check bench docs
BIN := .venv/bin
ARGS ?=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, then run a real workflow with live output (under a minute, no root)
	@scripts/bootstrap.sh run
	@scripts/demo.sh

demo-hosts: ## the same on three agents and two SSH hosts, started on this machine (needs sshd)
	@scripts/bootstrap.sh run
	@scripts/demo-hosts.sh

test: ## set up, then run every test (ARGS='-k retry' to choose)
	@scripts/bootstrap.sh dev
	$(BIN)/pytest $(ARGS)

check: ## formatting, lint, types, import rules, freshness of generated docs
	@scripts/bootstrap.sh dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m scripts.reference --check

bench: ## measure everything and write docs/benchmarks.md (ARGS='--quick')
	@scripts/bootstrap.sh dev
	$(BIN)/python -m bench $(ARGS)

docs: ## write the generated pages of docs/reference again
	@scripts/bootstrap.sh dev
	$(BIN)/python -m scripts.reference
