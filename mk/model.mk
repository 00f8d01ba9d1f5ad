# SPDX-License-Identifier: Apache-2.0
# The verilated engine: build/model/<name>/libfantail_model.a holds the generated classes, Verilator's
# run-time and sim/dut.cpp. Needs at link: -lstdc++ -lm -lpthread, -lz in a traced build.

# Packages first: the generated one, the engine's, those of single folders.
RTL_PKG := rtl/regs/fantail_regs_pkg.sv rtl/fantail_pkg.sv
RTL_PKG += $(filter-out $(RTL_PKG),$(sort $(wildcard rtl/*/*_pkg.sv)))
RTL_MODULES := $(filter-out $(RTL_PKG),$(sort $(wildcard rtl/*.sv rtl/*/*.sv)))
RTL := $(RTL_PKG) $(RTL_MODULES)
RTL_HEADERS := $(wildcard rtl/*.svh rtl/*/*.svh)
RTL_INCLUDE := $(addprefix -I,$(sort $(patsubst %/,%,$(dir $(RTL_HEADERS)))))

# Native code is twice as fast; `make ARCH=` for valgrind or another machine.
ARCH ?= -march=native
# Debian's verilated.mk sets -Os behind the user's flags; these reach the compiler.
MODEL_OPT ?= -O2
VERILATOR := verilator
VERILATOR_FLAGS := --cc --top-module fantail --prefix Vfantail -O3 -Wno-fatal \
	--output-split 8000 --output-split-cfuncs 2000 --no-timing

size_flags = -GConnections=$(1) -GGroups=$(2) -GLogBytes=$(3) -GExtents=$(4) -GQueuePairs=$(5)
size_name = c$(1)-g$(2)-l$(3)-e$(4)-q$(5)
size_flags_of = $(call size_flags,$(word 1,$(1)),$(word 2,$(1)),$(word 3,$(1)),$(word 4,$(1)),$(word 5,$(1)))

# What differs between the kinds of build. Assertions also randomise what reset leaves alone.
KIND_fast := --x-assign fast --x-initial fast --noassert
KIND_trace := --x-assign fast --x-initial fast --noassert --trace-fst
KIND_test := --x-assign unique --x-initial unique --assert +define+FANTAIL_SIM_ASSERT
# Verilator's run-time, built with the model (5.006 has no rule that archives it).
KIND_OBJ_fast := verilated.o verilated_threads.o
KIND_OBJ_trace := verilated.o verilated_threads.o verilated_fst_c.o
KIND_OBJ_test := verilated.o verilated_threads.o
# dut.cpp sees the same macros as the generated code.
KIND_CXX_fast := -DVM_TRACE=0 -DVM_TRACE_FST=0
KIND_CXX_trace := -DVM_TRACE=1 -DVM_TRACE_FST=1
KIND_CXX_test := -DVM_TRACE=0 -DVM_TRACE_FST=0

VERILATOR_ROOT ?= $(shell $(VERILATOR) --getenv VERILATOR_ROOT 2>/dev/null)
VERILATED_INCLUDE := -isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd

# Verilator 5.006 evaluates what depends on inputs at every eval(), twice a cycle. dut.cpp knows whether an input has
# changed: only then.
gate_inputs = f=$$$$(grep -l '(0U == vlSelf->__VicoIterCount)' $(1)/*.cpp) && \
	sed -i -e 's/(0U == vlSelf->__VicoIterCount)/(& \&\& fantail_dut_moved)/' \
		-e '/^\#include "verilated.h"/a extern __thread bool fantail_dut_moved;' $$$$f \
	|| echo "model: another Verilator than 5.006: right, but slower"

# $(call model,directory below build/model,kind,size flags)
define model
build/model/$(1)/obj/Vfantail.mk: $(RTL) $(RTL_HEADERS) mk/model.mk
	@echo "  VERILATE $(1)"
	@rm -rf build/model/$(1)/obj && mkdir -p build/model/$(1)/obj
	@$(VERILATOR) $(VERILATOR_FLAGS) $(KIND_$(2)) $(3) $(RTL_INCLUDE) --Mdir build/model/$(1)/obj \
		-CFLAGS "-include ../../../../sim/dut_hooks.h" $(RTL) >build/model/$(1)/verilator.log 2>&1 \
		|| { cat build/model/$(1)/verilator.log; exit 1; }
	@$(call gate_inputs,build/model/$(1)/obj)

# verilated.mk has a DEPS of its own, which a DEPS=no of ours must not reach.
build/model/$(1)/obj/Vfantail__ALL.a: build/model/$(1)/obj/Vfantail.mk sim/dut_hooks.h
	@echo "  MODEL    $(1)"
	@$$(MAKE) -s -C build/model/$(1)/obj -f Vfantail.mk 'DEPS=$$$$(wildcard *.d)' OBJCACHE=$(CCACHE) OPT_FAST="$(MODEL_OPT) $(ARCH)" \
		OPT_SLOW="-O1" OPT_GLOBAL="$(MODEL_OPT) $(ARCH)" Vfantail__ALL.a $$(KIND_OBJ_$(2)) \
		>build/model/$(1)/compile.log 2>&1 || { cat build/model/$(1)/compile.log; exit 1; }
	@rm -f build/model/$(1)/obj/libverilated.a
	@ar rcs build/model/$(1)/obj/libverilated.a $(addprefix build/model/$(1)/obj/,$(KIND_OBJ_$(2)))

build/model/$(1)/dut.o: sim/dut.cpp build/model/$(1)/obj/Vfantail.mk mk/model.mk
	@echo "  CXX      $$< ($(1))"
	@$(CCACHE) $(CXX) -std=c++17 -O2 $(ARCH) -g -Wall -Wextra -MMD -MP -faligned-new $(KIND_CXX_$(2)) \
		-include sim/dut_hooks.h -Isim -isystem build/model/$(1)/obj $(VERILATED_INCLUDE) -c -o $$@ $$<

build/model/$(1)/libfantail_model.a: build/model/$(1)/obj/Vfantail__ALL.a build/model/$(1)/dut.o
	@rm -f $$@
	@printf 'create %s\naddlib %s\naddlib %s\naddmod %s\nsave\nend\n' $$@ build/model/$(1)/obj/Vfantail__ALL.a \
		build/model/$(1)/obj/libverilated.a build/model/$(1)/dut.o | ar -M

-include build/model/$(1)/dut.d
endef

# The engine of `make run`.
SIZE := $(call size_name,$(CONNECTIONS),$(GROUPS),$(LOG_BYTES),$(EXTENTS),$(QUEUE_PAIRS))
RUN_KIND := $(if $(TRACE),trace,fast)
RUN_MODEL := build/model/$(SIZE)-$(RUN_KIND)/libfantail_model.a
$(eval $(call model,$(SIZE)-$(RUN_KIND),$(RUN_KIND),$(call \
	size_flags,$(CONNECTIONS),$(GROUPS),$(LOG_BYTES),$(EXTENTS),$(QUEUE_PAIRS))))

# The engine of the tests: small, so that memories wrap and run out soon, with assertions. `make sizes` builds the
# tests again for other sizes (mk/test.mk).
SMALL_SIZE := $(call size_name,256,64,65536,16,2)
TEST_SIZE := $(SMALL_SIZE)
test_size = $(patsubst $(2)%,%,$(filter $(2)%,$(subst -, ,$(1))))
test_sizes = $(foreach f,c g l e q,$(call test_size,$(1),$(f)))
SIZED := $(if $(filter-out $(SMALL_SIZE),$(TEST_SIZE)),$(TEST_SIZE))
TEST_MODEL := build/model/$(TEST_SIZE)-test/libfantail_model.a
# The engine at default sizes, for tests that say so (mk/test.mk).
DEFAULT_SIZE := $(call size_name,1024,1024,1048576,64,1)-fast
DEFAULT_MODEL := build/model/$(DEFAULT_SIZE)/libfantail_model.a
ifneq ($(DEFAULT_SIZE),$(SIZE)-$(RUN_KIND))
$(eval $(call model,$(DEFAULT_SIZE),fast,$(call size_flags,1024,1024,1048576,64,1)))
endif
# Engines of the tests of large fleets (mk/test.mk), with assertions: a thousand connections with the small log,
# and the largest number of connections.
FLEET_SIZE := $(call size_name,1024,64,65536,16,1)-test
FLEET_MODEL := build/model/$(FLEET_SIZE)/libfantail_model.a
$(eval $(call model,$(FLEET_SIZE),test,$(call size_flags,1024,64,65536,16,1)))
LARGE_SIZE := $(call size_name,16384,64,1048576,16,1)-test
LARGE_MODEL := build/model/$(LARGE_SIZE)/libfantail_model.a
$(eval $(call model,$(LARGE_SIZE),test,$(call size_flags,16384,64,1048576,16,1)))
ifeq ($(filter $(FLEET_SIZE) $(LARGE_SIZE),$(TEST_SIZE)-test),)
$(eval $(call model,$(TEST_SIZE)-test,test,$(call size_flags_of,$(call test_sizes,$(TEST_SIZE)))))
endif
