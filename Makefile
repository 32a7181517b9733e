# The commands of the project. `make run` and `make test` are all a newcomer needs; both install what is missing.
#
#   make run     the demonstration world under ./var, until Ctrl-C
#   make test    formatting, lints, documentation, unit, property and black-box tests (what CI runs)
#   make fmt     format the code
#   make lint    formatting, lints and documentation only
#   make bench   micro benchmarks and the load generator, ratios and figures on this machine
#   make bench-imap   our IMAP beside Debian's Dovecot; smaller: make bench-imap BENCH_IMAP="messages=20000 sessions=500"
#   make bench-relay  our relay beside Debian's Postfix; smaller: make bench-relay BENCH_RELAY="messages=400 runs=1"
#   make fuzz    each fuzz target for FUZZ_SECONDS (default 30)
#   make clean   forget ./var and what was built
#
# Everything is built with the one release profile, outside the checkout, so that RocksDB is compiled once for all of them.

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(HOME)/.cache/vaguemestre/target
export CARGO_TERM_COLOR ?= auto
FUZZ_SECONDS ?= 30
CARGO := cargo
RELEASE := --release --locked

.PHONY: run test lint fmt bench bench-imap bench-relay fuzz clean need-build need-test need-peers need-relay

run: need-build
	@echo "make: building (the first time compiles RocksDB: about ten minutes on two cores)"
	@$(CARGO) build $(RELEASE) -p vaguemestre
	@exec $(CARGO_TARGET_DIR)/release/vaguemestre demo --dir var

test: need-build need-test lint
	$(CARGO) nextest run $(RELEASE) --workspace --no-fail-fast

lint: need-build
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(RELEASE) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc $(RELEASE) --workspace --no-deps --document-private-items -q

fmt:
	$(CARGO) fmt --all

bench: need-build
	$(CARGO) bench --locked -p smtp -p message -p imap-wire -p pki -p store --bench '*'
	$(CARGO) bench --locked -p vaguemestre --bench load

bench-imap: need-build need-peers
	$(CARGO) bench --locked -p vaguemestre --bench imap_peers -- $(BENCH_IMAP)

bench-relay: need-build need-relay
	$(CARGO) bench --locked -p vaguemestre --bench relay -- $(BENCH_RELAY)

fuzz: need-build
	@.ci/fuzz $(FUZZ_SECONDS)

clean:
	rm -rf var "$(CARGO_TARGET_DIR)"

need-build:
	@.ci/need build

need-test:
	@.ci/need test

need-peers:
	@.ci/need peers

need-relay:
	@.ci/need relay
