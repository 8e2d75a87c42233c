# Everything a person does here, by name. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MODULES := node_modules/.package-lock.json
# The project brings its own Node (an npm package); recipes run on it.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(MODULES): package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later with npm"; exit 1; }
	@echo "==> installing the npm packages that package-lock.json pins (Node 24 among them)"
	@npm ci --loglevel=error
	@touch $@

deps: $(MODULES)
	@bash scripts/deps.sh

demo: deps ## build everything, start a real two-node cluster and show the main job on it, each line checked
	@node test/e2e/main.ts up

demo-down: $(MODULES) ## end the demo's cluster
	@node test/e2e/main.ts down

test: deps binaries build ## run every test (the first run builds the cluster's binaries: about ten minutes)
	@node test/run.ts

test-unit: $(MODULES) ## run the unit, golden and property tests
	@node test/run.ts unit

test-flow: deps binaries build ## run the tests against a real API server
	@node test/run.ts flow

test-netns: deps binaries build ## run the tests against the real kernel, in network namespaces
	@node test/run.ts netns

test-image: deps binaries build ## run the tests of the image, for every architecture (QEMU runs what this machine cannot)
	@node test/run.ts image

test-e2e: deps binaries build ## run the tests on a real two-node cluster (K8S=1.35: on that Kubernetes; CLUSTER=kind: in kind)
	@node test/run.ts e2e

test-kind: export CLUSTER := kind
test-kind: deps binaries build ## run the same tests, and those of the machine it leaves behind, on a cluster in kind
	@node test/run.ts e2e kind

test-vm: deps binaries build ## run the tests of VLANs, bonds, Wi-Fi and network cards on Debian's kernel, in a virtual machine (ten minutes)
	@bash scripts/deps.sh machine
	@node test/run.ts vm

compatibility: deps build ## run the e2e suite on every pinned Kubernetes and write docs/reference/compatibility.md (half an hour)
	@node test/compatibility.ts $(K8S)

binaries: deps ## build the test cluster's binaries into the cache, unless they are there
	@node test/cluster/main.ts build

compiler: $(MODULES)
	@bash scripts/deps.sh compiler

build: compiler ## bundle controller and agent and compile the netlink addon into dist/
	@npm run -s build

image: compiler ## put the image together as dist/image.tar (a docker archive; Docker is used where there is one); ARCH=amd64,arm64: for those, behind one reference in dist/image-oci.tar
	@node scripts/image.ts

generate: $(MODULES) ## generate CRDs, chart pieces and reference pages from src/api
	@npm run -s generate

verify: $(MODULES) ## fail when something generated is out of date
	@npm run -s verify

lint: $(MODULES) ## biome, the compiler in both configurations, the import rules
	@npm run -s lint

format: $(MODULES) ## format the sources
	@npm run -s format

bench: deps binaries build ## measure against a plain client and write docs/benchmarks.md
	@node test/bench/main.ts

soak: deps binaries build ## faults at random: the controller for five minutes (SOAK_SECONDS=n), 200 killed agents (AGENT_KILLS=n, AGENT_SEED=n), an API server that is away, then 200 rounds of killing pods, nodes and controllers, half an hour (SOAK_ROUNDS=n); FAULT_SEED=n repeats a run
	@FAULT_SECONDS=$${SOAK_SECONDS:-300} npm run -s jest -- test/flow/controller/faults
	@AGENT_KILLS=$${AGENT_KILLS:-200} npm run -s jest -- test/netns/kills
	@API_AWAY_SECONDS=$${SOAK_SECONDS:-300} npm run -s jest -- test/netns/api-away
	@CHAOS_ROUNDS=$${SOAK_ROUNDS:-200} CHAOS_IDENTITIES=50 CHAOS_MINUTES=40 npm run -s jest -- test/e2e/chaos

clean: ## remove what was built in this folder (not the cache of cluster binaries)
	@rm -rf dist

.PHONY: help deps compiler demo demo-down test test-unit test-flow test-netns test-image test-e2e test-kind test-vm compatibility binaries build image generate verify lint format bench soak clean
