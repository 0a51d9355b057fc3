# Everything a contributor types. "make" alone lists it.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
# Tests need no profile, and so the standard library no second build. A busy
# machine may take its time.
PLAIN       := -pgo=off -timeout=20m
HERMETIC    := -exec '$(CURDIR)/.ci/hermetic'
export CGO_ENABLED ?= 0
ifdef FIPS # make build FIPS=1, make test FIPS=1: see docs/supply-chain.md
export GOFIPS140 := v1.0.0
endif

.DEFAULT_GOAL := help
.PHONY: help build run test race lint fuzz bench profile h2spec scorecard mutants check release clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

build: ## bin/tenantgate, static, with its commit inside
	$(GO) build -trimpath -buildvcs=auto -ldflags='-s -w' -o bin/ ./cmd/tenantgate

run: build ## the demo; with TENANT=… POLICY=… the real proxy
	@TENANT='$(TENANT)' POLICY='$(POLICY)' .ci/try

test: ## every test that this machine can run
	@.ci/tools
	$(GO) test $(PLAIN) $(HERMETIC) ./...

race: ## the same, shuffled, under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -shuffle=on $(PLAIN) $(HERMETIC) ./...

lint: ## gofmt, go vet, staticcheck, known vulnerabilities
	@.ci/gofmt && $(GO) vet ./... && .ci/vulncheck
	$(GO) run $(STATICCHECK) ./...

fuzz: ## each fuzz target for FUZZTIME (30s)
	@.ci/fuzz $(FUZZTIME)

bench: ## side-by-side benchmarks, see bench/
	$(GO) run ./bench
	@if PATH="$$PATH:/usr/sbin" command -v unbound >/dev/null; then $(GO) run ./bench/dns; else echo "bench/dns: unbound is not installed"; fi
	$(GO) test -run='^$$' -bench=. -benchmem ./...

profile: ## cmd/tenantgate/default.pgo anew, from the benchmarks
	dir=$$(mktemp -d) && $(GO) run -trimpath ./bench -pgo= -rounds 3 -profile $$dir && \
		$(GO) tool pprof -proto $$dir/tenantgate-*.prof >cmd/tenantgate/default.pgo && rm -r $$dir

h2spec: ## HTTP/2 conformance of intercepted connections (needs h2spec)
	@.ci/h2spec

scorecard: ## every figure of docs/scorecard.md, or that it was not run
	@.ci/scorecard

mutants: ## faults in policy, tagging, tokens, hosts that their tests notice
	@.ci/mutants

check: lint race h2spec fuzz ## what CI runs after the tests

release: ## static binaries and checksums in dist/
	@.ci/release

clean: ## remove what was built
	rm -rf bin dist
