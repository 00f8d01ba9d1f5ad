# SPDX-License-Identifier: Apache-2.0
# Long runs that no test can afford. Each is a program of its own, tests/<name>/<name>_main.c, linked with the
# engine of the tests: small, with assertions. Their short variants are tests/<name>/test_<name>.c.

# $(call long_run,name,objects of other tests)
define long_run
$(call host_lib,tests-$(1),$(patsubst %.c,$(B)/obj/%.o,$(filter-out %_main.c tests/$(1)/test_%,$(wildcard tests/$(1)/*.c))) $(B)/obj/tests/common/env_number.o $(2))
$(B)/$(1)/$(1): $(B)/obj/tests/$(1)/$(1)_main.o $(LIB)/tests-$(1).a $(HOST_ARCHIVES) $(TEST_MODEL)
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@.new $$(filter %.o,$$^) $$(link_libs) && mv $$@.new $$@
endef
$(eval $(call long_run,fuzz))
$(eval $(call long_run,entries,$(B)/obj/tests/fuzz/frame_ring.o))
$(eval $(call long_run,soak,$(B)/obj/tests/fuzz/frame_ring.o))
$(eval $(call long_run,vfio,$(B)/obj/tests/sim/vfu_child.o $(B)/obj/tests/sim/vfu_raw.o))

.PHONY: fuzz fuzz-run soak soak-run entries entries-run fuzz-vfio fuzz-vfio-run
fuzz: ## FRAMES=10000000 frames, most of them mutated, against the receive path; counts in build/fuzz
	@tools/deps.sh run
	@$(MAKE) -s fuzz-run

fuzz-run: $(B)/fuzz/fuzz
	@FRAMES=$(FRAMES) SEED=$(SEED) $<

soak: ## ROUNDS=10000 connections opened, used and ended in every way, then a full run; summary in build/soak
	@tools/deps.sh run
	@$(MAKE) -s soak-run

soak-run: $(B)/soak/soak
	@ROUNDS=$(ROUNDS) SEED=$(SEED) PCAP=$(PCAP) $<

entries: ## ENTRIES=1000000 random entries on both rings against a model of what must happen; summary in build/entries
	@tools/deps.sh run
	@$(MAKE) -s entries-run

entries-run: $(B)/entries/entries
	@ENTRIES=$(ENTRIES) SEED=$(SEED) $<

fuzz-vfio: ## MESSAGES=1000000 messages, most of them mutated, to the vfio-user server with sanitizers, and KILLS=200 clients killed
	@tools/deps.sh run
	@$(MAKE) -s SAN=1 fuzz-vfio-run

# What is freed must be used again, or memory would seem to leak.
fuzz-vfio-run: $(B)/vfio/vfio
	@ASAN_OPTIONS=quarantine_size_mb=1 MESSAGES=$(MESSAGES) KILLS=$(KILLS) SEED=$(SEED) $<
