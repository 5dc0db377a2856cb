# Two commands set everything up: make demo, make test.
.DEFAULT_GOAL := help
.PHONY: help demo test chaos soak fuzz samples conformance bench check install uninstall clean
MAKEFLAGS += --no-print-directory

PORT ?= 8710
# Demo and tests share one build, unoptimised: a first look should take two minutes, not ten.
BUILT := $(or $(CARGO_TARGET_DIR),target)

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## a live board: agents, Postgres, a local Notion [FOR=60 ends by itself] [PORT=8710]
	@scripts/install base
	@cargo build --workspace --bins --examples
	@$(BUILT)/debug/demo --port $(PORT) $(if $(FOR),--for $(FOR))

# Whole-system tests wait more than they work: three at once also on two cores.
test: ## unit, property, database and whole-system tests, doctests
	@scripts/install base
	@cargo build --workspace --bins --examples
	@RUST_TEST_THREADS=$${RUST_TEST_THREADS:-3} cargo test --workspace --lib --bins --examples --tests
	@cargo test --workspace --doc

chaos: ## a million races of many processes against a crashing server [RACES=1000000] [SEED=…]
	@scripts/install base
	@RACES=$(or $(RACES),1000000) cargo test -p tests --test chaos

soak: ## the whole system under load and faults, with a report [FOR=30m]
	@scripts/install base
	@cargo build --workspace --bins --examples
	@FOR=$(or $(FOR),30m) cargo test -p tests --test soak

fuzz: ## every parser, fed with anything at all, for long [CASES=100000]
	@PROPTEST_CASES=$(or $(CASES),100000) cargo test --workspace --lib --bins anything

samples: ## a film rental with 10,000 rows in one table, as boards; takes minutes
	@scripts/install base
	@cargo build --workspace --bins
	@cargo test -p tests --test system -- --ignored ten_thousand

conformance: ## what needs a browser or foreign clients
	@scripts/install base conformance
	@scripts/conformance

bench: ## the numbers, as ratios of one run
	@scripts/install base
	@cargo build --release --workspace --bins --examples
	@cargo bench -p agent-cli
	@cargo bench -p tests
	@cargo bench -p notion-sim

check: ## formatting, lints, docs, dependencies
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --quiet -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet
	@scripts/audit

# Where `make install` puts things; DESTDIR stands before all of it, for packagers.
PREFIX ?= /usr/local
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
SHARED := $(DESTDIR)$(PREFIX)/share/claimboard
SETTINGS := $(DESTDIR)/etc/claimboard
# The build that is installed: release, or debug as the tests do.
PROFILE ?= release

install: ## binaries, systemd unit, example environment, alert rules [PREFIX=/usr/local] [DESTDIR=]
	@test "$(PROFILE)" != release || cargo build --release -p agent-cli -p sync-daemon --bins
	@install -d "$(DESTDIR)$(PREFIX)/bin" "$(UNITS)" "$(SHARED)" "$(SETTINGS)"
	@install -m 0755 $(BUILT)/$(PROFILE)/claimboard $(BUILT)/$(PROFILE)/claimboard-sync "$(DESTDIR)$(PREFIX)/bin"
	@sed 's|/usr/local/|$(PREFIX)/|' systemd/claimboard-sync.service > "$(UNITS)/claimboard-sync.service"
	@chmod 0644 "$(UNITS)/claimboard-sync.service"
	@install -m 0644 systemd/claimboard-sync.rules.yml "$(SHARED)"
	@install -m 0644 systemd/claimboard-sync.env.example "$(SETTINGS)"
	@echo "installed; next: fill $(SETTINGS)/claimboard-sync.env and $(SETTINGS)/notion-token, then systemctl enable --now claimboard-sync"

uninstall: ## what install put there; settings that you wrote stay
	@rm -f "$(DESTDIR)$(PREFIX)/bin/claimboard" "$(DESTDIR)$(PREFIX)/bin/claimboard-sync" "$(UNITS)/claimboard-sync.service"
	@rm -f "$(SHARED)/claimboard-sync.rules.yml" "$(SETTINGS)/claimboard-sync.env.example"
	@rmdir "$(SHARED)" "$(SETTINGS)" 2>/dev/null || true

# As root below a home that Postgres' account cannot enter, the demo's data are a link to elsewhere.
clean: ## builds and the demo's data
	@cargo clean --quiet
	@if [ -L .demo/postgres/cluster ]; then rm -rf -- "$$(dirname "$$(readlink .demo/postgres/cluster)")"; fi
	@rm -rf .demo
