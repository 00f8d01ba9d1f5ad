# SPDX-License-Identifier: Apache-2.0
# Fantail. `make help` lists the targets. Everything that is built goes to build/.
#
#   mk/model.mk   the verilated engine as an archive, one for each configuration
#   mk/host.mk    libraries and programs in C
#   mk/bench.mk   measurements
#   mk/test.mk    tests, mutants
#   mk/fuzz.mk    long runs: fuzz, soak
#   mk/vm.mk      a guest with an IOMMU
#   mk/lint.mk    static checks
#   mk/formal.mk  proofs

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# As many jobs as processors, unless the caller says otherwise.
ifeq ($(MAKELEVEL),0)
JOBS ?= $(shell nproc)
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif
endif
export JOBS

# Sizes of the engine that `make run` builds.
CONNECTIONS ?= 1024
GROUPS ?= 1024
LOG_BYTES ?= 1048576
EXTENTS ?= 64
QUEUE_PAIRS ?= 1

# Options of `make run`, each the program's option of that name (TRACE_WINDOW is --trace-window); they reach
# it as they stand, whatever characters they hold (tools/run.sh).
RUN_VARS := CLIENTS MESSAGES BATCH FEED FRAMING NET DEVICE TRACE TRACE_WINDOW PERFETTO PERFETTO_BATCHES PERFETTO_WINDOW SEED PORT \
	DROP_CLIENT CYCLE_LIMIT OUT FANOUT PCAP_LIMIT INTERVAL \
	CONGESTION SACK LOSS REORDER REORDER_GAP DUP DELAY JITTER CORRUPT RATE QUEUE LOSE_TX LOSE_RX LINK_DIR \
	PCIE_GEN PCIE_LANES PCIE_LATENCY_NS PCIE_WRITE_NS PCIE_READS MPS MRRS
# Options of `make sim`, likewise; they come with those of the link and the PCIe model.
SOCKET ?= build/fantail.sock
SIM_OWN := SOCKET STATS PCAP CLOCK_NS PATIENCE_MS
SIM_VARS := $(SIM_OWN) $(filter-out CLIENTS MESSAGES BATCH FEED FRAMING DEVICE DROP_CLIENT OUT FANOUT INTERVAL CONGESTION SACK,$(RUN_VARS))
$(foreach v,$(RUN_VARS) $(SIM_OWN),$(eval override $(v) := $$(value $(v))))
export $(foreach v,$(RUN_VARS) $(SIM_OWN),$(if $(value $(v)),$(v)))
export DEPS

CCACHE := $(shell command -v ccache)
CC := gcc
CXX := g++

# ------------------------------------------------------------------ what people type
.PHONY: help deps run sim test check ci regs drift format clean
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile mk/*.mk
	@echo "Options of run: CLIENTS=100 MESSAGES=10000 BATCH=10 FEED=path|- FRAMING=itch|lines|fixed:N"
	@echo "  LOSS=2% REORDER=1% DUP=1% DELAY=20ms JITTER=5ms CORRUPT=0.1% RATE=100mbit QUEUE=256k LINK_DIR=tx|rx|both"
	@echo "  NET=slirp|tap|peers TRACE=file.fst PERFETTO=file.json SEED=n CONNECTIONS=1024 GROUPS=1024 LOG_BYTES=1048576 EXTENTS=64 QUEUE_PAIRS=1"
	@echo "  and $(filter-out CLIENTS MESSAGES BATCH FEED FRAMING NET TRACE PERFETTO SEED,$(RUN_VARS))"
	@echo "  (make run, then build/bin/fantail-run --help says what they mean). DEPS=no installs nothing."

deps: ## install the Debian packages that run, test and check need
	@tools/deps.sh run test check

run: ## publish a feed through the engine to CLIENTS sockets, check every byte
	@tools/deps.sh run
	@tools/sizes.sh $(CONNECTIONS) $(GROUPS) $(LOG_BYTES) $(EXTENTS) $(QUEUE_PAIRS)
	@$(MAKE) -s run-build
	@exec tools/run.sh $(BIN)/fantail-run $(RUN_VARS)

sim: ## serve the simulated card as a PCI device over vfio-user on SOCKET; then make run DEVICE=vfio-user:SOCKET
	@tools/deps.sh run
	@tools/sizes.sh $(CONNECTIONS) $(GROUPS) $(LOG_BYTES) $(EXTENTS) $(QUEUE_PAIRS)
	@$(MAKE) -s sim-build
	@exec tools/run.sh $(BIN)/fantail-sim $(SIM_VARS)

test: ## every test at reduced counts; JUnit XML in build/junit
	@tools/deps.sh run test
	@$(MAKE) -s test-run

check: ## lint, drift, sanitizer runs of the host code, test; the measuring programs build
	@tools/deps.sh run test check
	@$(MAKE) drift
	@$(MAKE) lint
	@$(MAKE) san
	@$(MAKE) test
	@$(MAKE) -s bench-build

ci: ## check, then the main job once, and the guest; mutants, formal, soak and fuzz are targets of their own
	@$(MAKE) check
	@$(MAKE) run CLIENTS=20 MESSAGES=1000
	@$(MAKE) vm-test

regs: ## generate register package, headers and page from rtl/regs/fantail.toml
	@tools/regs.py

drift: ## fail when a generated file is older than its source
	@tools/regs.py --check

clean: ## remove build/
	rm -rf build

include mk/model.mk mk/host.mk mk/bench.mk mk/test.mk mk/fuzz.mk mk/vm.mk mk/lint.mk mk/formal.mk
