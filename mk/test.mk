# SPDX-License-Identifier: Apache-2.0
# Tests. tests/<area>/test_*.c is one criterion program each; other .c files under tests/ are helpers that
# every program may use. tests/<area>/test_*.py and test_*.sh are programs that print TAP. A program is
# linked with the small engine with assertions, with `model: default` in its first ten lines with the engine
# of `make run`, with `model: none` with none. With `sanitizers: no` there it stays out of `make san`: its host
# code is that of others, its time that of the model.
# Those of tests/large take minutes each and larger engines, `model: fleet` or `model: large` (mk/model.mk): `make
# large` runs them.

LARGE_SOURCES := $(sort $(wildcard tests/large/test_*.c))
TEST_SOURCES := $(filter-out $(LARGE_SOURCES),$(sort $(wildcard tests/*/test_*.c)))
# Block tests have a Makefile of their own, which also the scripts beside it use; here they are programs.
BLOCKS := $(sort $(patsubst tests/rtl/%/,build/block/%/test,$(dir $(wildcard tests/rtl/*/*.c))))
TEST_SCRIPTS := $(filter-out tests/rtl/%,$(sort $(wildcard tests/*/test_*.py tests/*/test_*.sh)))
# What ends in _main.c is a program of its own (mk/fuzz.mk), tests/vm is another world (mk/vm.mk).
TEST_HELPERS := $(filter-out $(TEST_SOURCES) $(LARGE_SOURCES) %_main.c tests/vm/%,$(sort $(wildcard tests/*/*.c)))
NO_SAN := $(if $(SAN),$(shell awk 'FNR <= 10 && /sanitizers: no/ { print FILENAME }' $(TEST_SOURCES)))
test_marked = $(shell head -qn 10 $(1) | grep -oE 'model: (none|default|fleet|large)' | cut -d' ' -f2)
TEST_PROGRAMS := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out $(NO_SAN),$(TEST_SOURCES)))
TESTS := $(TEST_PROGRAMS) $(if $(SAN),,$(BLOCKS) $(TEST_SCRIPTS))
# On an engine of another size: what is linked with it.
ifneq ($(SIZED),)
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(foreach t,$(TEST_SOURCES),$(if $(call test_marked,$(t)),,$(t))))
$(B)/obj/tests/%.o: CPPFLAGS += $(foreach d,$(join CONNECTIONS= GROUPS= LOG= EXTENTS= QUEUE_PAIRS=,$(call test_sizes,$(SIZED))),-DCARD_$(d))
endif
ifdef AREA
TESTS := $(filter $(B)/tests/$(AREA)/% tests/$(AREA)/% $(if $(filter rtl,$(AREA)),build/block/%),$(TESTS))
endif

test_model_none :=
test_model_default := $(DEFAULT_MODEL)
test_model_fleet := $(FLEET_MODEL)
test_model_large := $(LARGE_MODEL)
test_model_ := $(TEST_MODEL)
test_model = $(test_model_$(call test_marked,$(1)))

$(eval $(call host_lib,tests,$(TEST_HELPERS:%.c=$(B)/obj/%.o)))
define test_program
$(B)/tests/$(1): $(B)/obj/tests/$(1).o $(LIB)/tests.a $(APP_ARCHIVES) $(HOST_ARCHIVES) $(call test_model,tests/$(1).c)
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@.new $$(filter %.o,$$^) $$(link_libs) -lcriterion && mv $$@.new $$@
endef
$(foreach t,$(patsubst tests/%.c,%,$(TEST_SOURCES) $(LARGE_SOURCES)),$(eval $(call test_program,$(t))))

.PHONY: test-build san mutants
.PHONY: FORCE
$(BLOCKS): FORCE
	@$(MAKE) -s -f tests/rtl/block.mk OBJCACHE=$(CCACHE) $@

# Some tests run the programs, which $FANTAIL_RUN and $FANTAIL_SIM name.
test-build: $(filter $(B)/% build/%,$(TESTS)) $(if $(filter-out apps,$(AREA)),,$(APPS:%=$(BIN)/%))
run_tests = FANTAIL_RUN=$(BIN)/fantail-run FANTAIL_SIM=$(BIN)/fantail-sim tools/run-tests --junit build/junit$(SIZED:%=/%)$(if $(SAN),/san) $(if $(SIZED),--sized)
.PHONY: test-run
test-run: test-build
	@$(run_tests) $(TESTS)

# The same on engines of other sizes: few and many connections, log bytes, groups, extents and queue pairs.
SIZES := c16-g16-l65536-e64-q1 c16-g64-l16777216-e16-q8 c256-g64-l4194304-e16-q8 c1024-g1024-l1048576-e64-q2 \
	c16384-g64-l65536-e16-q2 c16384-g64-l16777216-e16-q1
.PHONY: sizes
sizes: ## the tests on engines of other sizes, SIZES="c16-g16-l65536-e64-q1 ...", an hour; JUnit XML in build/junit/<size>
	@tools/deps.sh run test
	@failed=; for s in $(SIZES); do \
		tools/sizes.sh $$(sed 's/-*[cgleq]/ /g' <<<"$$s") || exit 2; \
		echo "== $$s"; TEST_TIMEOUT=$${TEST_TIMEOUT:-900} $(MAKE) -s TEST_SIZE=$$s test-run || failed+=" $$s"; done; \
	[ -z "$$failed" ] || { echo "sizes: tests fail with$$failed" >&2; exit 1; }

# JUnit XML has a folder of its own, for a run replaces all that is in it.
.PHONY: large large-run
large: ## thousands of clients on larger engines, some ten minutes; JUnit XML in build/junit/large
	@tools/deps.sh run test
	@$(MAKE) -s large-run

large-run: $(LARGE_SOURCES:tests/%.c=$(B)/tests/%)
	@TEST_TIMEOUT=7200 tools/run-tests --junit build/junit/large $^

# Host code under address and undefined-behaviour sanitizers, the engine as it is.
san: ## the tests of the host code with sanitizers
	@$(MAKE) -s SAN=1 san-run
.PHONY: san-run
san-run: test-build
	@ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
		$(run_tests) $(TESTS)

mutants: ## break one rule at a time, see that a test notices
	@tools/deps.sh run test
	@exec tools/mutants $(MUTANTS)
