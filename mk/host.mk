# SPDX-License-Identifier: Apache-2.0
# Host code: sim/, driver/ and libhost/ become one static library each; each folder of apps/ becomes one
# program of that name, its main() in main.c. A version script lib<x>.map in one of the three makes a shared
# library lib<x>.so of it as well (`make libs`). SAN=1 builds all of it once more with sanitizers.

B := build$(SIZED:%=/sizes/%)$(if $(SAN),/san)
LIB := $(B)/lib
# Programs of engines of other than the default sizes stand in a folder of their own.
BIN := $(B)/bin$(if $(filter-out $(DEFAULT_SIZE),$(SIZE)-$(RUN_KIND)),/$(SIZE)-$(RUN_KIND))

comma := ,
SAN_FLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
APP_DIRS := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
CPPFLAGS := -D_GNU_SOURCE -I. -Isim -Idriver -Ilibhost $(APP_DIRS:%=-Iapps/%) -isystem /usr/include/slirp
CFLAGS := -std=c11 -O2 -g -fPIC -Wall -Wextra -Wshadow -Wmissing-prototypes
LDLIBS := -Wl,--as-needed -lslirp -lpcap -ljansson -lsodium -lpciaccess -lz -lstdc++ -lm -lpthread

HOST_LIBS := sim driver libhost
$(foreach l,$(HOST_LIBS),$(eval OBJ_$(l) := $$(patsubst %.c,$(B)/obj/%.o,$$(wildcard $(l)/*.c))))
# In the order in which they need each other.
HOST_ARCHIVES := $(foreach l,libhost driver sim,$(if $(OBJ_$(l)),$(LIB)/$(l).a))
link_archives = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
link_libs = $(link_archives) $(LDLIBS)

APPS := $(sort $(patsubst apps/%/main.c,%,$(wildcard apps/*/main.c)))
# What an app has beside main() can be tested: a library of its own.
APP_ARCHIVES := $(APP_DIRS:%=$(LIB)/app-%.a)

$(B)/obj/%.o: %.c Makefile mk/host.mk
	@mkdir -p $(@D)
	@echo "  CC       $<$(if $(SAN), (sanitized))"
	@$(CCACHE) $(CC) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

define host_lib
$(LIB)/$(1).a: $(2)
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,$(HOST_LIBS),$(eval $(call host_lib,$(l),$(OBJ_$(l)))))
$(foreach a,$(APP_DIRS),$(eval $(call host_lib,app-$(a),$(patsubst %.c,$(B)/obj/%.o,$(filter-out \
	%/main.c,$(wildcard apps/$(a)/*.c))))))

# With "model: none" in its main.c a program needs no engine and is built at once.
define app
$(BIN)/$(1): $(B)/obj/apps/$(1)/main.o $(LIB)/app-$(1).a $(LIB)/app-common.a $(HOST_ARCHIVES) $(if $(shell grep -l 'model: none' \
		apps/$(1)/main.c),,$(RUN_MODEL))
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@.new $$(filter %.o,$$^) $$(link_libs) && mv $$@.new $$@
endef
$(foreach a,$(APPS),$(eval $(call app,$(a))))

# Every name in the version script must be there, or the script lies.
define shared
$(LIB)/$(2).so: $(OBJ_$(1)) $(1)/$(2).map
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) -shared $(SAN_FLAGS) -Wl,--version-script=$(1)/$(2).map -Wl,-soname,$(2).so.1 -o $$@ $(OBJ_$(1))
	@diff <(grep -oE '^[[:space:]]+[a-z][a-z0-9_]*;' $(1)/$(2).map | tr -d '\t ;' | LC_ALL=C sort) \
		<(nm -D --defined-only $$@ | awk '$$$$2 == "T" { sub("@.*", "", $$$$3); print $$$$3 }' | LC_ALL=C sort)
endef
MAPS := $(wildcard sim/*.map driver/*.map libhost/*.map)
$(foreach m,$(MAPS),$(eval $(call shared,$(patsubst %/,%,$(dir $(m))),$(basename $(notdir $(m))))))

.PHONY: libs
libs: $(foreach m,$(MAPS),$(LIB)/$(basename $(notdir $(m))).so) ## shared libraries of those parts that have a version script

.PHONY: apps run-build sim-build doctor
apps: $(APPS:%=$(BIN)/%)
run-build: $(BIN)/fantail-run
sim-build: $(BIN)/fantail-sim
doctor: ## what this machine can do, and how to mend what it lacks
	@tools/deps.sh run
	@$(MAKE) -s $(BIN)/fantail
	@$(BIN)/fantail doctor

-include $(patsubst %.c,$(B)/obj/%.d,$(wildcard sim/*.c driver/*.c libhost/*.c apps/*/*.c tests/*/*.c))
