#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The scripts around the project: sizes and packages are refused in one line, options pass unharmed, the
# test runner fails where it must.
# shellcheck disable=SC2317  # functions are called through ok()
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0
failed=0

ok() { # ok NAME COMMAND...: COMMAND succeeds
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

refused() { # refused TEXT COMMAND...: exit status 2, one line that holds TEXT
	local text=$1 code=0
	shift
	"$@" >"$tmp/told" 2>&1 || code=$?
	cat "$tmp/told"
	[ "$code" = 2 ] && [ "$(wc -l <"$tmp/told")" = 1 ] && grep -qF -- "$text" "$tmp/told"
}

ok "sizes in range" tools/sizes.sh 1024 1024 1048576 64 1
ok "size no power of two" refused CONNECTIONS=100 tools/sizes.sh 100 1024 1048576 64 1
ok "size no number" refused LOG_BYTES=1M tools/sizes.sh 1024 1024 1M 64 1
ok "size too large" refused EXTENTS=2048 tools/sizes.sh 1024 1024 1048576 2048 1
ok "size empty" refused "empty" tools/sizes.sh 1024 1048576 64 1

program() { # a TAP program of the lines given
	printf '#!/bin/bash\n' >"$tmp/test_it.sh"
	printf 'echo %q\n' "$@" >>"$tmp/test_it.sh"
	chmod +x "$tmp/test_it.sh"
}
tests_say() { # tests_say CODE TEXT [OPTION]: the runner's exit status and last line
	local code=0
	tools/run-tests --limit 2 "${@:3}" "$tmp/test_it.sh" >"$tmp/told" 2>&1 || code=$?
	cat "$tmp/told"
	[ "$code" = "$1" ] && [ "$(tail -n 1 "$tmp/told")" = "$2" ]
}
program "1..2" "ok 1 - a" "ok 2 - b # SKIP why [needs: false]"
ok "skip that is due" tests_say 0 "1 passed, 0 failed, 1 skipped"
program "1..1" "ok 1 - a # SKIP why [needs: true]"
ok "skip although it could run" tests_say 1 "0 passed, 1 failed, 0 skipped"
program "1..1" "ok 1 - a # SKIP why"
ok "skip without a command" tests_say 1 "0 passed, 1 failed, 0 skipped"
program "1..2" "ok 1 - a" "ok 2 - b # SKIP [size: more]"
ok "skip for a size that is built" tests_say 0 "1 passed, 0 failed, 1 skipped" --sized
ok "no such skip at the size of the tests" tests_say 1 "1 passed, 1 failed, 0 skipped"
program "1..2" "ok 1 - a"
ok "test that did not report" tests_say 1 "0 passed, 1 failed, 0 skipped"
program "ok 1 - a"
ok "no plan" tests_say 1 "0 passed, 1 failed, 0 skipped"
program "1..2" "ok 1 - a" "not ok 2 - b"
ok "failing test" tests_say 1 "1 passed, 1 failed, 0 skipped"
program "1..1" "ok 1 - a"
echo 'exit 3' >>"$tmp/test_it.sh"
ok "exit status against the report" tests_say 1 "0 passed, 1 failed, 0 skipped"
program "1..1"
printf 'sleep 60 & sleep 60\n' >>"$tmp/test_it.sh"
ok "test that does not end" tests_say 1 "0 passed, 1 failed, 0 skipped"

printf '#!/bin/bash\nprintf "%%s\\n" "$@" >%q\n' "$tmp/args" >"$tmp/program"
chmod +x "$tmp/program"
hard="it's \"a\" \$HOME; \`x\` * file"
passes() {
	FEED=$hard CLIENTS='' TRACE_WINDOW=1:2 tools/run.sh "$tmp/program" CLIENTS FEED TRACE_WINDOW
	diff "$tmp/args" <(printf '%s\n' "--feed=$hard" "--trace-window=1:2")
}
ok "options pass unharmed" passes

# A dpkg-query that knows of no package; nothing may be installed then.
mkdir "$tmp/bin"
printf '#!/bin/bash\nexit 1\n' >"$tmp/bin/dpkg-query"
printf '#!/bin/bash\ntouch %q\n' "$tmp/installed" >"$tmp/bin/apt-get"
chmod +x "$tmp/bin"/*
forbidden() {
	local code=0
	DEPS=no PATH=$tmp/bin:$PATH tools/deps.sh run >"$tmp/told" 2>&1 || code=$?
	cat "$tmp/told"
	[ "$code" = 2 ] && [ ! -e "$tmp/installed" ] && [ "$(wc -l <"$tmp/told")" = 2 ] &&
		grep -q "^  .*apt-get update && apt-get install .* verilator" "$tmp/told"
}
ok "DEPS=no installs nothing" forbidden
installs() {
	env -u DEPS PATH="$tmp/bin:$PATH" tools/deps.sh run >"$tmp/told" 2>&1 &&
		head -n 1 "$tmp/told" | grep -q "installing Debian packages: .*verilator" && [ -e "$tmp/installed" ]
}
if [ "$(id -u)" = 0 ]; then
	ok "root installs, and says so first" installs
else
	count=$((count + 1))
	echo "ok - root installs, and says so first # SKIP not root [needs: test \$(id -u) = 0]"
fi

mutants_apply() { # as tools/mutants applies them, but to nothing
	local mutant bad=0
	for mutant in tests/mutants/*.patch; do
		patch -p1 --forward --dry-run -F0 -i "$mutant" || bad=1
	done
	return "$bad"
}
ok "every mutant applies to the tree as it is" mutants_apply

echo "1..$count"
exit $failed
