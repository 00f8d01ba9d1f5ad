# SPDX-License-Identifier: Apache-2.0
# Static checks. No blanket waivers: an exception stands at its place in the source, with its reason; what a
# tool cannot be told there stands below, with its reason.

C_FILES := $(sort $(wildcard sim/*.[ch] driver/*.[ch] libhost/*.[ch] apps/*/*.[ch] tests/*/*.[ch] tests/rtl/*/*.[ch] bench/*/*.[ch]))
# Generated headers have their own layout.
C_HAND := $(filter-out driver/fantail_regs.h driver/fantail_reg_table.h,$(C_FILES))
C_SOURCES := $(filter %.c,$(C_HAND))
CXX_FILES := $(sort $(wildcard sim/*.cpp tests/rtl/*/*.cpp bench/*/*.cpp))
SHELL_FILES := .ci/run tools/vm-packages $(sort $(wildcard tools/*.sh tests/*/*.sh bench/*.sh))
PYTHON_FILES := $(sort $(wildcard tools/*.py tests/*/*.py bench/*.py) tools/run-tests tools/mutants tools/lint-rtl tools/formal)

.PHONY: lint lint-rtl lint-c lint-format lint-tidy lint-cppcheck lint-shell lint-python
lint: lint-rtl lint-c lint-format lint-tidy lint-cppcheck lint-shell lint-python ## all static checks

lint-rtl: ## verilator -Wall and yosys on every module, and on the whole engine
	@echo "  LINT     rtl"
	@tools/lint-rtl $(RTL)

# Every warning is an error here, and each header compiles alone.
lint-c: ## gcc with all warnings as errors
	@echo "  LINT     c"
	@printf '%s\n' $(C_FILES) | xargs -r -P $(JOBS) -I {} $(CC) $(CPPFLAGS) $(CFLAGS) -Werror -fsyntax-only -x c {}
	@$(CXX) -std=c++17 $(CPPFLAGS) -fsyntax-only -x c++ sim/fantail_sim.h

lint-format: ## clang-format, nothing to change
	@echo "  LINT     format"
	@clang-format --dry-run --Werror $(C_HAND) $(CXX_FILES)

format: ## let clang-format lay out the C files
	@clang-format -i $(C_HAND) $(CXX_FILES)

lint-tidy: ## clang-tidy (.clang-tidy says which checks)
	@echo "  LINT     tidy"
	@printf '%s\n' $(C_SOURCES) | xargs -r -P $(JOBS) -I {} clang-tidy --quiet {} -- $(CPPFLAGS) $(CFLAGS) \
		2> >(grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter' >&2)

# missingIncludeSystem: system headers are not analysed. varFuncNullUB: NULL is a pointer on POSIX systems.
lint-cppcheck: ## cppcheck
	@echo "  LINT     cppcheck"
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --library=tools/cppcheck.cfg --suppress=missingIncludeSystem --suppress=varFuncNullUB -j $(JOBS) --cppcheck-build-dir=build/cppcheck \
		-D__linux__ -D__x86_64__ $(CPPFLAGS) $(C_SOURCES)

lint-shell: ## shellcheck
	@echo "  LINT     shell"
	@shellcheck $(SHELL_FILES)

lint-python: ## every script parses
	@echo "  LINT     python"
	@for f in $(PYTHON_FILES); do python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' \
		"$$f"; done
