# SPDX-License-Identifier: Apache-2.0
# Host code: sim/, driver/ and libhost/ become one static library each; each folder of apps/ becomes one
# program of that name, its main() in main.c. SAN=1 builds all of it once more with sanitizers.

B := build$(if $(SAN),/san)
LIB := $(B)/lib
# Programs of engines of other than the default sizes stand in a folder of their own.
BIN := $(B)/bin$(if $(filter-out $(DEFAULT_SIZE),$(SIZE)-$(RUN_KIND)),/$(SIZE)-$(RUN_KIND))

comma := ,
SAN_FLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
APP_DIRS := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
CPPFLAGS := -D_GNU_SOURCE -I. -Isim -Idriver -Ilibhost $(APP_DIRS:%=-Iapps/%) -isystem /usr/include/slirp
CFLAGS := -std=c11 -O2 -g -Wall -Wextra -Wshadow -Wmissing-prototypes
LDLIBS := -Wl,--as-needed -lslirp -lpcap -ljansson -lz -lstdc++ -lm -lpthread

HOST_LIBS := sim driver libhost
$(foreach l,$(HOST_LIBS),$(eval OBJ_$(l) := $$(patsubst %.c,$(B)/obj/%.o,$$(wildcard $(l)/*.c))))
# In the order in which they need each other.
HOST_ARCHIVES := $(foreach l,libhost driver sim,$(if $(OBJ_$(l)),$(LIB)/$(l).a))
link_libs = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

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

define app
$(BIN)/$(1): $(B)/obj/apps/$(1)/main.o $(LIB)/app-$(1).a $(HOST_ARCHIVES) $(RUN_MODEL)
	@mkdir -p $$(@D)
	@echo "  LINK     $$@"
	@$(CC) $(SAN_FLAGS) -o $$@ $$(filter %.o,$$^) $$(link_libs)
endef
$(foreach a,$(APPS),$(eval $(call app,$(a))))

.PHONY: apps run-build
apps: $(APPS:%=$(BIN)/%)
run-build: $(BIN)/fantail-run

-include $(patsubst %.c,$(B)/obj/%.d,$(wildcard sim/*.c driver/*.c libhost/*.c apps/*/*.c tests/*/*.c))
