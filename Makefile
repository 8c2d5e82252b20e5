# make lists the targets. Go is all that test and demo need.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DEFAULT_GOAL := help

# The modules, as go.work lists them: core, adapters/ginsession, …
MODULES := $(shell sed -n 's|^[[:space:]]*\(use[[:space:]][[:space:]]*\)\{0,1\}\./||p' go.work)

# So that a build does not depend on the folder, and go's cache serves every clone.
export GOFLAGS := $(strip $(shell go env GOFLAGS) -trimpath)

# The race detector needs a C compiler, and go says CGO_ENABLED=0 where there is
# none. RACE=-race insists, RACE= goes without.
RACE ?= $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# Not cached: results depend on the redis-server that is installed, and the
# import rules on every module's files; go's cache notices neither.
# Most tests wait, for a lock or for time to pass, so more run at once than there are cores.
TESTFLAGS ?= -count=1 -timeout 20m -parallel 4
BENCHFLAGS ?= -benchmem
BENCHCOUNT ?= 6
BENCHARGS ?=
BASELINE ?= .bin/bench-baseline.txt

BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CURDIR)/.bin/golangci-lint-$(GOLANGCI_VERSION)

# Servers of other versions. SERVER=valkey-8.1 has test and test-all use one of them.
SERVERS := redis-6.0 valkey-8.1 redis-8.0
SERVER ?=
ifneq ($(SERVER),)
  export REDIS_SERVER := $(CURDIR)/.bin/servers/$(SERVER)/redis-server
  ifeq ($(wildcard $(REDIS_SERVER)),)
    ifeq ($(filter servers,$(MAKECMDGOALS)),)
      $(error $(SERVER) is not there: run "make servers", and set SERVER to one of $(SERVERS))
    endif
  endif
endif

PER_MODULE := test test-all lint tidy tidy-check alone
each = $(addprefix $(1)/,$(MODULES))

# Makes releases, and compares the API of two of them.
release := GOWORK=off go build -C conformance/release -o $(CURDIR)/.bin/release . && cd conformance/release && $(CURDIR)/.bin/release

FUZZTIME ?= 60s
FAULTS := .bin/faults
RUNS ?= 1000
SEED ?= 0
PLACE ?=

.PHONY: help api apidiff release fmt graph browser picture broken servers demo ends load load-nightly secrets bench bench-baseline bench-compare fuzz vulncheck faults faults-nightly faults-breaks $(PER_MODULE) $(foreach t,$(PER_MODULE),$(call each,$(t)))

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'One module alone: $(patsubst %,make %/MODULE,$(PER_MODULE))' | sed 's|/MODULE make|/MODULE, make|g'
	@printf '%s\n' 'where MODULE is one of:' $(patsubst %,'  %',$(MODULES))

# Files of tests about Cluster, Sentinel, TLS, users and failovers, and of long ones, begin
# with //go:build testall.
ALL := -tags testall

passed = @echo "make $@: $(words $(MODULES)) modules passed, $(if $(RACE),with the race detector,without the race detector), $$(\
		if [ -n "$${REDIS_SERVER-}" ]; then echo "on $$("$$REDIS_SERVER" --version | cut -d ' ' -f 1,3) too"; \
		elif command -v redis-server >/dev/null; then echo 'on a real Redis too'; \
		elif [ -n "$${REDIS_URL-}" ]; then echo 'on the Redis at REDIS_URL too'; \
		else echo 'SKIPPING what needs a real Redis: there is no redis-server on PATH'; fi)"

# The race detector doubles the time. Whoever works on a module runs its tests with it, and so does test-all.
test: RACE := $(if $(filter environment,$(origin RACE)),$(RACE))
test: ## Run every module's tests, without the race detector (two minutes); RACE=-race with it
	@go test $(RACE) $(TESTFLAGS) work
	$(passed)

test-all: ## Run those with the race detector, the long ones, and those on clusters, with Sentinel, TLS and users (ten minutes)
	@go test $(RACE) $(TESTFLAGS) $(ALL) work
	$(passed)

$(call each,test): test/%:
	cd $* && go test $(RACE) $(TESTFLAGS) ./...

$(call each,test-all): test-all/%:
	cd $* && go test $(RACE) $(TESTFLAGS) $(ALL) ./...

# With the tags that most files need: without them there are only stand-ins.
lint: $(call each,lint) ## Check every module with golangci-lint, which it first builds into .bin (minutes, once)
	@echo "make lint: $(words $(MODULES)) modules passed"

$(call each,lint): lint/%: $(GOLANGCI)
	cd $* && $(GOLANGCI) run --build-tags testall,browser ./...

vulncheck: ## Look for known vulnerabilities, in the list of vuln.go.dev or a copy of it: VULNDB=file:///srv/vulndb
	@.ci/vulncheck

# go test takes one fuzzer at a time.
fuzz: ## Run each fuzzer for FUZZTIME (half an hour); what one finds is kept in testdata/fuzz
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' $(MODULES) | sort -u | while IFS=: read -r file fuzzer; do \
		fuzzer=$${fuzzer#func }; echo "=== $$fuzzer in $${file%/*}"; \
		(cd "$${file%/*}" && go test -run '^$$' -fuzz "^$$fuzzer$$" -fuzztime $(FUZZTIME) .) || exit; \
	done

$(GOLANGCI):
	GOBIN=$(CURDIR)/.bin GOWORK=off go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .bin/golangci-lint $@

graph: ## Print which package of core imports which
	@cd core && go list -f '{{.ImportPath}} →{{range .Imports}} {{.}}{{end}}' ./... | \
		awk -v root=github.com/berthgo/berth/ 'function own(path) { return index(path, root) == 1 ? substr(path, length(root) + 1) : "" } \
			{ line = own($$1) " →"; for (i = 3; i <= NF; i++) if (own($$i)) line = line " " own($$i); print line }' | sort

servers: ## Fetch redis 6.0 and 8.0 and valkey 8.1 from Debian into .bin/servers (130 MB); then make test SERVER=valkey-8.1
	core/redistest/fetch.sh .bin/servers $(SERVERS)

fmt: $(GOLANGCI) ## Format every module as lint wants it
	$(GOLANGCI) fmt

tidy: $(call each,tidy) ## Tidy every go.mod

$(call each,tidy): tidy/%:
	cd $* && GOWORK=off go mod tidy

tidy-check: $(call each,tidy-check) ## Fail if a go.mod or go.sum is not tidy
	@echo "make tidy-check: $(words $(MODULES)) modules passed"

$(call each,tidy-check): tidy-check/%:
	cd $* && GOWORK=off go mod tidy -diff

alone: $(call each,alone) ## Build every module, and vet it with its tests, as if it were alone
	@echo "make alone: $(words $(MODULES)) modules passed"

$(call each,alone): alone/%:
	cd $* && export GOWORK=off && go build -o /dev/null ./... && go vet ./... && go vet -tags testall ./...

api: ## Write what the public packages export to conformance/release/api, for review
	@$(release) api

apidiff: ## Tell how the public packages differ from the last release
	@$(release) apidiff

VERSION ?=
undo = Nothing is tagged. To undo the new versions: git checkout -- \"*go.mod\"

release: ## Make a release of all modules, as VERSION=v0.1.0 says: check, set versions, tag; push nothing
	@$(release) prepare "$(VERSION)"
	@done=; trap '[ "$$done" ] || echo "$(undo)" >&2' EXIT; $(MAKE) --no-print-directory tidy-check alone test-all/conformance/release; done=1
	@$(release) tag "$(VERSION)" || { echo "$(undo)" >&2; exit 1; }

demo: ## Run the demo
	@# not go run, which calls a Ctrl-C a failure
	go build -C examples -o $(CURDIR)/.bin/demo ./demo
	@exec .bin/demo

browser: ## Drive the pages of the demo and of the inspector with Chromium (three minutes); SCREENSHOTS=DIR leaves pictures
	cd examples && go test $(TESTFLAGS) -v -tags browser -run '^Test(Page[A-Z]|Browser)' ./demo ./inspector

picture: ## Make docs/demo.png, which the README shows, with Chromium
	cd examples && REQUIRE_BROWSER=1 PICTURE=$(CURDIR)/docs/demo.png go test -count=1 -tags browser -run TestPageTour ./demo

broken: ## Run the whole suite against every broken adapter (four minutes; make test runs the cases that find them)
	cd conformance && go test $(RACE) $(TESTFLAGS) -tags testall,wholesuite -run TestBrokenAdapters .

SESSIONS ?= 100000

ends: ## End SESSIONS sessions at once, with workers killed and servers restarted, and print rates and lags
	cd core && go test $(ALL) -count=1 -v -timeout 20m ./internal/ends/endtest -sessions $(SESSIONS)

# Without the race detector, which has memory and goroutines of its own.
loaded = cd conformance && go test $(ALL) -count=1 -v -run '^TestLoad$$' ./load -sessions 10000 -clients 256

load: ## Load 10,000 sessions for a minute and see whether anything grows, with a flood on one session
	$(loaded) -timeout 10m -for 1m

load-nightly: ## The same for ten minutes
	$(loaded) -timeout 30m -for 10m

secrets: ## Search all that the suite says, and MONITOR of its Redis, for the secrets that it gave out (test-all does so too)
	cd conformance && go test $(RACE) $(ALL) -count=1 -v -run '^Test(NoSecretIsTold|ToldSecretsAreFound)$$' .

$(FAULTS): FORCE
	@go build -C conformance/faults -o $(CURDIR)/$@ .

.PHONY: FORCE
FORCE:

faults: $(FAULTS) ## Have servers and clients run amid faults for 30 s, and check what came of it
	@$(FAULTS) -ahead -for 30s -seed $(SEED)

faults-nightly: $(FAULTS) ## Make RUNS runs (1,000: half an hour) from SEED on; RUNS=1 SEED=… makes one of them again
	@$(FAULTS) -ahead -runs $(RUNS) -seed $(SEED) -place '$(PLACE)'

BREAK ?=

faults-breaks: $(FAULTS) ## Break berth on purpose in many ways, and print which run finds each (half an hour); BREAK=lock for some
	@$(FAULTS) -breaks -seed 1 -break '$(BREAK)'

bench: ## Measure berth beside its peers and write docs/benchmarks.md (12 minutes); BENCHARGS=-quick takes two and writes nothing
	GOWORK=off go build -C conformance/bench -o $(CURDIR)/.bin/bench .
	@exec .bin/bench -docs docs $(BENCHARGS)

micro = go test -run '^$$' -bench . -count $(BENCHCOUNT) $(BENCHFLAGS) ./core/... ./conformance/bench

bench-baseline: ## Run the micro benchmarks and keep the figures for bench-compare
	@mkdir -p $(dir $(BASELINE))
	$(micro) | tee $(BASELINE).new
	@mv $(BASELINE).new $(BASELINE)

bench-compare: ## Run the micro benchmarks and compare them with the baseline
	@test -e $(BASELINE) || { echo 'There is no baseline yet: make bench-baseline, before the change' >&2; exit 1; }
	$(micro) | tee $(BASELINE).new
	GOWORK=off go run $(BENCHSTAT) $(BASELINE) $(BASELINE).new
