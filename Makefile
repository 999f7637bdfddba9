# Regate. `make` lists what there is to do; everything that is needed and missing is brought first, and said.

# Ours before what the machine has. setup finds or brings the Node.js that is new enough.
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.tools/node/bin:$(CURDIR)/node_modules/.bin:$(PATH)
NODE := node --disable-warning=ExperimentalWarning
REGO := ssh access system data

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 20

deps: ## what everything needs: Node.js and the npm packages
	@bin/setup deps

tools: deps ## what the tests need besides: OPA, OpenSSH and other programs
	@bin/setup opa
	@bin/setup debian
	@bin/setup openssh
	@bin/setup audit
	@bin/setup clients

demo: deps ## gateway, identity provider and two hosts on this machine, and a tour of them
	@bin/setup debian demo
	@$(NODE) demo/main.ts

test: types lint policies schemas-verify wasm-verify unit e2e ## everything that CI runs

types: deps ## the compiler's opinion
	tsc -p .

lint: deps ## format and lint
	biome check

fmt: deps ## formats TypeScript and Rego
	biome check --write
	opa fmt --write policies

policies: tools ## the policies' own tests, format and types
	opa fmt --fail --list policies
	cd policies && opa check --strict --schema schemas --capabilities capabilities.json $(REGO)
	cd policies && opa test --capabilities capabilities.json $(REGO)
	cd policies && opa test --capabilities capabilities.json --coverage --threshold 90 $(REGO) >/dev/null

schemas: tools ## writes policies/schemas and policies/capabilities.json
	$(NODE) bin/schemas.ts
	$(NODE) bin/capabilities.ts

policy-reference: tools ## writes docs/policy-reference.md, from the schemas and the policies' annotations
	$(NODE) bin/policy-reference.ts

schemas-verify: deps
	$(NODE) bin/schemas.ts --check

wasm: tools ## compiles the policies into wasm/bundle.tar.gz
	bin/regate policy build

wasm-verify: tools ## builds the bundle again and compares the bytes
	@temporary=$$(mktemp -d) && trap 'rm -r "$$temporary"' EXIT && \
	bin/regate policy build --output "$$temporary/bundle.tar.gz" >/dev/null && \
	cmp "$$temporary/bundle.tar.gz" wasm/bundle.tar.gz && echo 'wasm/bundle.tar.gz is what the policies compile to' || \
	{ echo 'wasm/bundle.tar.gz is stale: make wasm' >&2; exit 1; }

unit: tools ## tests of the parts
	$(NODE) --test --test-timeout=300000 $(shell find test -name '*.test.ts' -not -path 'test/e2e/*' -not -path 'test/demo/*' | sort)

e2e: tools ## tests of the whole, with real ssh and sshd
	$(NODE) --test --test-timeout=300000 --test-concurrency=2 $(shell find test/e2e test/demo -name '*.test.ts' | sort)

test-openssh: tools ## OpenSSH's own regression scripts through the gateway; some ten minutes; JOBS=2: so many at once
	@bin/setup debian regress
	JOBS=$(or $(JOBS),2) $(NODE) test/openssh/run.ts

fuzz: tools ## what clients and targets say, changed at random; SECONDS=60
	FUZZ_SECONDS=$(or $(SECONDS),60) $(NODE) --test test/e2e/fuzz.test.ts

bench: deps ## how fast it is, beside direct ssh and a jump host; ten minutes at most; PART=files: one part; JSON=FILE: written there
	@bin/setup opa
	@bin/setup debian
	@$(NODE) bench/main.ts --size $(or $(SIZE),short) $(if $(JSON),--json $(JSON)) $(PART)

bench-full: ## the same with more rounds, and memory of 5,000 sessions; some fifty minutes
	@$(MAKE) --no-print-directory bench SIZE=full

soak: deps ## mixed load: nothing fails, no record is lost, memory does not grow; MINUTES=30
	@bin/setup opa
	@bin/setup debian
	@$(NODE) bench/soak/main.ts --minutes $(or $(MINUTES),30)

package: deps ## the npm package regate-VERSION.tgz: compiled, with policies, docs and units
	@npm pack --silent

clean: ## removes what was brought and built
	rm -rf node_modules .tools dist coverage

.PHONY: help deps tools demo test types lint fmt policies schemas policy-reference schemas-verify wasm wasm-verify unit e2e test-openssh fuzz bench bench-full soak package clean
