#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sizes.sh CONNECTIONS GROUPS LOG_BYTES EXTENTS QUEUE_PAIRS: are these sizes the engine can be built with?
set -eu

# want NAME VALUE MIN MAX [pow2]
want() {
	local name=$1 value=$2 min=$3 max=$4 why
	why="$name=$value: must be a number from $min to $max"
	[ "${5:-}" = pow2 ] && why="$why, a power of two"
	if ! [[ $value =~ ^[1-9][0-9]{0,9}$ ]] || ((value < min || value > max)) ||
		{ [ "${5:-}" = pow2 ] && ((value & (value - 1))); }; then
		echo "fantail: $why" >&2
		exit 2
	fi
}

[ $# = 5 ] || { echo "fantail: an engine size is empty or has blanks in it" >&2; exit 2; }
want CONNECTIONS "$1" 16 16384 pow2
want GROUPS "$2" 1 16384 pow2
want LOG_BYTES "$3" 65536 16777216 pow2
want EXTENTS "$4" 16 1024 pow2
want QUEUE_PAIRS "$5" 1 8
