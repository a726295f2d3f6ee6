# Everything that a checkout needs. On a fresh Debian 12 only `make` and Python 3.11 are required.
PYTHON ?= python3
DEMO_ARGS ?= --data-dir .demo
VENV := .venv/bin
# The system's own Python is used; nothing is fetched behind its back.
export UV_PYTHON_DOWNLOADS = never

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test check bench schema lock wheel

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with Convergio and build the browser assets
	@$(PYTHON) scripts/setup.py

demo: setup ## Start the product with a believable week of data at http://127.0.0.1:3001
	@exec $(VENV)/convergio demo $(DEMO_ARGS)

dev: setup ## The same, reloading itself when the code changes
	@CONVERGIO_DEBUG=true exec $(VENV)/convergio demo --reload $(DEMO_ARGS)

test: ## Format, lint, types, import rules, then all tests; installs what they need when root on Debian
	@$(PYTHON) scripts/setup.py --dev
	@exec $(VENV)/python scripts/run_tests.py $(ARGS)

check: ## Format, lint, types and import rules only
	@$(PYTHON) scripts/setup.py --dev
	@exec $(VENV)/python scripts/static_checks.py

bench: ## Measure speed and memory, as ratios to limits measured in the same run
	@$(PYTHON) scripts/setup.py --dev
	@exec $(VENV)/python -m benchmarks $(ARGS)

schema: setup ## Write docs/schema/*.sql from the migrations
	@exec $(VENV)/convergio db schema --output docs/schema

lock: ## Resolve the dependencies anew into requirements*.lock
	@$(PYTHON) scripts/lock.py

wheel: ## Build dist/convergio-*.whl with the browser assets inside
	@$(PYTHON) scripts/setup.py
	@$(PYTHON) scripts/wheel.py
