#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh SET...: have the Debian packages of the sets run, test, check, formal, bench, vm. Says first what it installs; needs
# root or sudo without a password, else prints the one command to type and exits 2. DEPS=no never installs.
set -eu

want=()
for set in "$@"; do
	case $set in
	run) want+=(gcc g++ make verilator ccache python3 libslirp-dev libpcap-dev libjansson-dev libsodium-dev libpciaccess-dev zlib1g-dev) ;;
	test) want+=(libcriterion-dev tshark patch) ;;
	check) want+=(clang-format clang-tidy cppcheck shellcheck yosys git) ;;
	formal) want+=(yosys z3 cvc4 python3) ;;
	bench) want+=(gnuplot-nox python3 liburing-dev valgrind) ;;
	vm) want+=(debian-archive-keyring) ;;
	*) echo "deps: no such set '$set'; sets are run, test, check, formal, bench, vm" >&2 && exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; needed are the equivalents of: ${want[*]}" >&2
	exit 0
fi
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${want[@]}" 2>/dev/null || true)
missing=()
for package in "${want[@]}"; do
	grep -qx "installed $package" <<<"$have" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
sudo=()
if [ "$(id -u)" != 0 ]; then
	if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo=(sudo -n)
	else
		sudo=(no)
	fi
fi
if [ "${DEPS:-}" = no ] || [ "${sudo[*]:-}" = no ]; then
	[ "${DEPS:-}" = no ] && why="DEPS=no" || why="not root, and sudo asks for a password or is missing"
	as="sh -c"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null && as="sudo sh -c" || as="su -c"
	fi
	echo "fantail: packages are missing and will not be installed ($why). Type:" >&2
	echo "  $as 'apt-get update && $install'" >&2
	exit 2
fi
echo "fantail: installing Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quiet() {
	"$@" </dev/null >"$log" 2>&1 || { cat "$log" >&2; echo "fantail: failed: $*" >&2; exit 2; }
}
quiet "${sudo[@]}" apt-get update -q
read -ra install <<<"$install"
quiet "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"
echo "fantail: installed"
