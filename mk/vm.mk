# SPDX-License-Identifier: Apache-2.0
# A guest with a kernel and an IOMMU of its own (tests/vm/). Its programs are linked statically; the card is that
# of the tests, as driver/cases.h wants it.

VM := build/vm
VM_BUILD := $(B)/tests/vm
VM_PROGRAMS := $(addprefix $(VM_BUILD)/,guest fantail clients fantail-sim)

vm_link = @mkdir -p $(@D); echo "  LINK     $@"; \
	$(CC) $(SAN_FLAGS) $(1) -o $@.new $(filter %.o,$^) $(link_archives) $(2) && mv $@.new $@

$(VM_BUILD)/guest: $(addprefix $(B)/obj/tests/vm/,guest_main.o memory.o) $(B)/obj/tests/driver/cases.o $(LIB)/libhost.a $(LIB)/driver.a
	$(call vm_link,-static,-lpciaccess -lsodium -lz -lpthread)

$(VM_BUILD)/fantail: $(B)/obj/apps/fantail/main.o $(LIB)/app-fantail.a $(LIB)/driver.a
	$(call vm_link,-static,-ljansson -lpciaccess -lz -lpthread)

$(VM_BUILD)/clients: $(B)/obj/tests/vm/clients_main.o
	$(call vm_link,,)

$(VM_BUILD)/fantail-sim: $(B)/obj/apps/fantail-sim/main.o $(LIB)/app-fantail-sim.a $(LIB)/app-common.a $(HOST_ARCHIVES) $(TEST_MODEL)
	$(call vm_link,,$(LDLIBS))

.PHONY: vm-test vm-test-run cases
vm-test: ## a Debian kernel in QEMU, with an IOMMU, drives the card through VFIO and serves TCP clients
	@tools/deps.sh run vm
	@$(MAKE) -s vm-test-run

vm-test-run: $(VM_PROGRAMS)
	@VM=$(VM) VM_BUILD=$(VM_BUILD) tools/run-tests --limit 1800 --junit build/junit/vm tests/vm/shared.sh tests/vm/messages.sh
	@for r in $$(find build/vm-test -name remarks | sort -r); do echo "$$r:"; sed 's/^# /  /' $$r; done

# The engine is to be that of the tests: make sim CONNECTIONS=256 GROUPS=64 LOG_BYTES=65536 EXTENTS=16 QUEUE_PAIRS=2
cases: $(VM_BUILD)/guest ## the list of cases of the driver over URI=vfio-user:SOCKET or vfio:DDDD:BB:DD.F, whoever serves it
	@$< cases "$$URI"
