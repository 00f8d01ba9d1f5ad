# SPDX-License-Identifier: Apache-2.0
# Measurements. Each folder of bench/ with a main.c is a program of that name, linked like those of apps/.

BENCHES := $(sort $(patsubst bench/%/main.c,%,$(wildcard bench/*/main.c)))

define bench
$(BIN)/$(1): $(patsubst %.c,$(B)/obj/%.o,$(wildcard bench/$(1)/*.c)) $(HOST_ARCHIVES) $(RUN_MODEL)
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@.new $$(filter %.o,$$^) $$(link_libs) && mv $$@.new $$@
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

-include $(patsubst %.c,$(B)/obj/%.d,$(wildcard bench/*/*.c))
