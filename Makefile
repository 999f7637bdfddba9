# Regate. `make` lists what there is to do.

NODE_HOME := $(shell bin/setup node-home)
export PATH := $(CURDIR)/.tools/bin:$(NODE_HOME)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
NODE := node --disable-warning=ExperimentalWarning

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 20

deps: ## what the project needs and the machine lacks
	@bin/setup deps

types: deps ## the compiler's opinion
	tsc -p .

lint: deps ## format and lint
	biome check

fmt: deps ## formats everything
	biome check --write

.PHONY: help deps types lint fmt
