# SPDX-License-Identifier: Apache-2.0
# Block tests: tests/rtl/<name>/ holds a wrapper module <name>_block.sv, its C face <name>_block.{h,cpp} and
# criterion tests in C. `make -f tests/rtl/block.mk build/block/<name>/test` verilates and links them.
# `make test AREA=rtl` builds and runs all of them.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

B := build/block
PKG := rtl/regs/fantail_regs_pkg.sv rtl/fantail_pkg.sv
PKG += $(filter-out $(PKG),$(sort $(wildcard rtl/*/*_pkg.sv)))
RTL_DIRS := $(patsubst %/,%,$(sort $(dir $(wildcard rtl/*.sv rtl/*/*.sv))))
CC := gcc
CFLAGS := -std=c11 -O2 -g -Wall -Wextra -Wshadow -Wmissing-prototypes -D_GNU_SOURCE -Idriver
VROOT := $(shell verilator --getenv VERILATOR_ROOT)
CXXFLAGS := -std=c++17 -O1 -g -Wall -faligned-new -isystem $(VROOT)/include -isystem $(VROOT)/include/vltstd

# Assertions on, what reset leaves alone is random; so would be a pin that a wrapper forgets.
$(B)/%/obj/block.mk: $(PKG) $(wildcard rtl/*.sv rtl/*/*.sv rtl/*/*.svh tests/rtl/*/*_block.sv) tests/rtl/block.mk
	@rm -rf $(@D) && mkdir -p $(@D)
	@verilator --cc --top-module $*_block --prefix Vblock --Mdir $(@D) -O3 -Wno-fatal -Werror-PINMISSING --no-timing --assert \
		--x-assign unique --x-initial unique +define+FANTAIL_SIM_ASSERT \
		$(RTL_DIRS:%=-I%) $(PKG) tests/rtl/$*/$*_block.sv >$(@D)/verilator.log 2>&1 || \
		{ cat $(@D)/verilator.log >&2; exit 1; }
	@ln -sf Vblock.mk $@

# verilated.mk has a DEPS of its own, which a DEPS=no of ours must not reach.
$(B)/%/obj/Vblock__ALL.a: $(B)/%/obj/block.mk
	@$(MAKE) -s -C $(@D) -f Vblock.mk 'DEPS=$$(wildcard *.d)' OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1 Vblock__ALL.a verilated.o verilated_threads.o \
		>$(@D)/compile.log 2>&1 || { cat $(@D)/compile.log >&2; exit 1; }

.SECONDEXPANSION:
$(B)/%/test: $(B)/%/obj/Vblock__ALL.a $$(wildcard tests/rtl/$$*/*.c tests/rtl/$$*/*.h tests/rtl/$$*/*.cpp)
	@set -e; for f in tests/rtl/$*/*.c; do o=$(@D)/$$(basename $$f).o; \
		$(CC) $(CFLAGS) -Itests/rtl/$* -c -o $$o $$f; done
	@g++ $(CXXFLAGS) -I$(@D)/obj -Itests/rtl/$* -c -o $(@D)/block.o tests/rtl/$*/$*_block.cpp
	@g++ -o $@ $(@D)/*.c.o $(@D)/block.o $(@D)/obj/Vblock__ALL.a $(@D)/obj/verilated.o $(@D)/obj/verilated_threads.o -lcriterion -lpthread

.PRECIOUS: $(B)/%/obj/block.mk $(B)/%/obj/Vblock__ALL.a
