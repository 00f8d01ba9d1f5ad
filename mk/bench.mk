# SPDX-License-Identifier: Apache-2.0
# Measurements. Each folder of bench/ with a main.c is a program of that name, linked like those of apps/.

BENCHES := $(sort $(patsubst bench/%/main.c,%,$(wildcard bench/*/main.c)))

# The yardstick of modelspeed, verilated and compiled like the engine.
BENCH_OBJ_modelspeed := build/pipe/pipe.o build/pipe/obj/Vpipe__ALL.o
build/pipe/obj/Vpipe.mk: bench/modelspeed/pipe.sv mk/bench.mk
	@echo "  VERILATE pipe"
	@rm -rf build/pipe/obj && mkdir -p build/pipe/obj
	@$(VERILATOR) --cc --top-module pipe --prefix Vpipe -O3 -Wno-fatal --no-timing $(KIND_fast) --Mdir build/pipe/obj $<

build/pipe/obj/Vpipe__ALL.o: build/pipe/obj/Vpipe.mk
	@$(MAKE) -s -C build/pipe/obj -f Vpipe.mk 'DEPS=$$(wildcard *.d)' OBJCACHE=$(CCACHE) OPT_FAST="$(MODEL_OPT) $(ARCH)" \
		OPT_SLOW="-O1" Vpipe__ALL.o

build/pipe/pipe.o: bench/modelspeed/pipe.cpp bench/modelspeed/modelspeed.h build/pipe/obj/Vpipe.mk
	@$(CCACHE) $(CXX) -std=c++17 $(MODEL_OPT) $(ARCH) -g -Wall -Wextra -faligned-new $(KIND_CXX_fast) \
		-isystem build/pipe/obj $(VERILATED_INCLUDE) -c -o $@ $<

# io_uring beside writev, where its library is.
ifneq ($(wildcard /usr/include/liburing.h),)
$(B)/obj/bench/publish/kernel.o: CPPFLAGS += -DHAVE_LIBURING
BENCH_LIB_publish := -luring
endif

define bench
$(BIN)/$(1): $(patsubst %.c,$(B)/obj/%.o,$(wildcard bench/$(1)/*.c)) $(BENCH_OBJ_$(1)) $(HOST_ARCHIVES) \
		$(if $(shell grep -l 'model: none' bench/$(1)/main.c),,$(RUN_MODEL))
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@.new $$(filter %.o,$$^) $$(link_libs) $(BENCH_LIB_$(1)) && mv $$@.new $$@
endef
$(foreach b,$(BENCHES),$(eval $(call bench,$(b))))

# Options of `make goodput`, as RUN_VARS in the Makefile.
GOODPUT_VARS := CLIENTS BYTES ROUNDS SEED CONGESTION LEAST RECORD OUT LOSS DELAY REORDER REORDER_GAP DUP JITTER \
	CORRUPT RATE QUEUE
GOODPUT_OWN := $(filter-out $(RUN_VARS),$(GOODPUT_VARS))
$(foreach v,$(GOODPUT_OWN),$(eval override $(v) := $$(value $(v))))
export $(foreach v,$(GOODPUT_OWN),$(if $(value $(v)),$(v)))
GOODPUT_LOG := 4194304

.PHONY: goodput goodput-build
goodput-build: $(BIN)/goodput
goodput: ## the engine beside Linux as the sender over a bad link, as root (CLIENTS BYTES ROUNDS LOSS DELAY ...)
	@tools/deps.sh run
	@$(MAKE) -s LOG_BYTES=$(GOODPUT_LOG) goodput-build
	@exec tools/run.sh build/bin/$(call size_name,1024,1024,$(GOODPUT_LOG),64,1)-fast/goodput $(GOODPUT_VARS)

.PHONY: modelspeed
modelspeed: ## how fast the model of default size is, beside a yardstick
	@tools/deps.sh run
	@$(MAKE) -s $(BIN)/modelspeed
	@exec $(BIN)/modelspeed

# The engines of `make bench`: the default one, and the largest, whose extents and log are what it needs.
BENCH_SMALL := CONNECTIONS=1024 GROUPS=1024 LOG_BYTES=1048576 EXTENTS=64 QUEUE_PAIRS=1
BENCH_LARGE := CONNECTIONS=16384 GROUPS=1024 LOG_BYTES=4194304 EXTENTS=16 QUEUE_PAIRS=1

.PHONY: bench line-build bench-build
line-build: $(BIN)/line
bench-build: $(BENCHES:%=$(BIN)/%)
bench: ## every bar with its figure and limit: cycles, bytes, the publisher's processor; JSON and plots in build/bench (BENCH=quick SEED=n)
	@case "$(BENCH)" in ''|quick) ;; *) echo "bench: BENCH is quick or empty" >&2; exit 2 ;; esac
	@tools/deps.sh run
	@tools/deps.sh bench || echo "bench: goes on with what is there"
	@$(MAKE) -s $(BENCH_SMALL) TRACE= line-build build/bin/publish sim-build build/bin/modelspeed run-build
	@$(MAKE) -s $(BENCH_LARGE) TRACE= line-build
	@exec bench/run.py build/bin/line build/bin/$(call size_name,16384,1024,4194304,16,1)-fast/line \
		build/bin/publish build/bin/fantail-sim build/bin/modelspeed build/bin/fantail-run \
		$(if $(SEED),--seed="$$SEED") $(if $(BENCH),--quick)

-include $(patsubst %.c,$(B)/obj/%.d,$(wildcard bench/*/*.c))
