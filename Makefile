# Everything a person does here, by name. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
NPM := npm
MODULES := node_modules/.package-lock.json
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

$(MODULES): package.json package-lock.json
	@echo "==> installing the project's npm packages (with its own Node 24)"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@
